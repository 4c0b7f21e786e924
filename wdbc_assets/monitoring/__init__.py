"""Monitoring of production: what comes in is taken up, and a person learns what needs attention.

Here are the parts that touch a disk or a network: the inbox and its files, the key of the pseudonyms. The statistics
are in `domain.monitoring`; the assets and jobs that use these parts are in `pipeline` and `orchestration`.
"""
