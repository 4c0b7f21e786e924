"""What the main job costs, measured beside what else one would do: `make bench`, or `python -m benchmarks --help`.

`commands`, `search`, `evaluate` and `growth` make the tables; `measuring` runs commands in turn, `report` shows tables
and keeps them as JSON. `docs.performance` makes the page of it.
"""
