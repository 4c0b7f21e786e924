"""What is in production: the champion, its audit log, a challenger beside it, and which versions are still needed.

How files are stored and verified is for `store`; what the gate demands of a candidate stands in `domain.promotion`.
"""
