"""Monitoring of incoming patients: drift, live performance, and what a shift means.

Here are the statistics, from arrays to results. Where batches come from, where results are stored, and how a person is alerted is
in `wdbc_assets.monitoring` and `wdbc_assets.orchestration`.
"""
