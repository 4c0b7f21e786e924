"""Monitoring of incoming patients: drift, live performance, and what a shift means.

Here are the statistics, from arrays to results. Where batches come from and how a person is alerted is in
`wdbc_assets.monitoring`; runs and what is stored are in `wdbc_assets.orchestration`.
"""
