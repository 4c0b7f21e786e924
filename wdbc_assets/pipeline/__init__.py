"""What the pipeline is, without Dagster: the table of assets, which are stale, and how their functions are called."""
