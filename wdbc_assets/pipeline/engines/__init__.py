"""Where independent units of work run: in a pool of processes on this machine (`local`) or on a Dask cluster (`dask`).

`engine` is the interface of both, `choice` chooses one by the settings, and `work` runs an asset's units with
checkpoints. The other modules describe the work of one asset each.
"""
