"""Everything that imports Dagster, one file per concept: assets, checks, jobs, schedules, sensors, resources, ...

What an asset computes stands in `domain`; what the pipeline is stands in `pipeline`.
"""
