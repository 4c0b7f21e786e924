"""Dagster around this project, started for real: its UI in a browser, its daemon, its command line."""
