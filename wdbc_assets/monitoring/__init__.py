"""Monitoring of the platform after a promotion: who comes in, what becomes known later, what is wrong, who is told.

`alerts` finds what is wrong and tells a person; `exporter` exports Prometheus metrics. The statistics are in
`domain.monitoring`; Dagster's sensors and runs are in `orchestration`.
"""
