"""Prometheus metrics of the platform, read from the store and from Dagster's instance at every scrape.

The service has metrics of its own (`serving.telemetry`). Here is what concerns jobs, assets, the daemon, the champion,
the batches and the alerts. `collector` combines the parts; the modules `of_...` have one function per subject.
"""
