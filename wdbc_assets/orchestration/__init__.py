"""Everything that imports Dagster, one file per concept: assets, checks, jobs, schedules, sensors, resources, ...

What an asset computes belongs in `domain`; the structure of the pipeline belongs in `pipeline`.
"""
