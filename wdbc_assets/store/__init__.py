"""The artifact store: immutable versions named by their content digest, and one atomic pointer per asset or partition.

`store` is the interface for the rest of the package, and `reader` its reading half. `manifest` describes a version,
`paths` defines the layout, `codecs` convert values to files and back, `backends` write bytes durably to a disk or an
object store, `gc` removes versions. What is in production belongs to `registry`; Dagster's I/O manager is in
`orchestration`.
"""
