"""What is in production: the champion, its audit log, a challenger beside it, and which versions these need.

`store` stores and verifies files. The gate's criteria for a candidate are in `domain.promotion`.
"""
