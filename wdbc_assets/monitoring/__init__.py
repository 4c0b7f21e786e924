"""Monitoring after a promotion: the patients who come in, the outcomes that become known, and what is wrong.

`inbox` and `batches` take up files with new patients, and `outcome_files` outcomes. `alerts` finds what is wrong and
alerts a person, `exporter` exports Prometheus metrics. The statistics are in `domain.monitoring`; Dagster's sensors and
runs are in `orchestration`.
"""
