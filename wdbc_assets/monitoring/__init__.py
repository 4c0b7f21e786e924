"""Monitoring of the platform after a promotion: who comes in, what becomes known later, what is wrong, and how a person learns of it.

`alerts` finds what is wrong and alerts a person; `exporter` exports Prometheus metrics. The statistics are in
`domain.monitoring`; Dagster's sensors and runs are in `orchestration`.
"""
