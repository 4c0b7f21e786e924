"""What is watched, and how a person is alerted: causes, detectors, episodes, the outbox and the channels.

A detector finds what is wrong in the store, the settings or Dagster's history. Episodes are derived from what the
detectors find, and each becomes few messages, which wait in the outbox until a channel has accepted them. Opening
Dagster's instance, the commands and the sensor do not belong here: see `orchestration.alerting` and `cli.alerts`.
"""
