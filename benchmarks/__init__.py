"""What the main job costs, measured beside what else one would do: `make bench`, or `python -m benchmarks --help`.

`commands`, `search`, `evaluate`, `scoring`, `serving` and `growth` make the tables; `measuring` runs commands in turn,
`servers` runs servers, `load` asks them, `peers` installs what they are compared with. `report` shows tables and keeps
them as JSON. `docs.performance` makes the page of it.
"""
