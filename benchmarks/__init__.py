"""Benchmarks of the project beside alternatives: `make bench`, or `python -m benchmarks --help`.

`commands`, `search`, `evaluate`, `scoring`, `serving`, `growth` and `monitoring` produce one table or more each.
`measuring` runs commands in turn, `servers` runs servers, `load` sends requests to them, and `peers` installs MLflow.
`report` formats tables and writes them as JSON. `tools.performance` generates the page.
"""
