"""The artifact store: immutable versions named by their content digest, and one atomic pointer per asset.

`store` is the interface for the rest of the package. `manifest` describes a version, `paths` defines the layout,
`codecs` convert values to files and back, `backends` write bytes durably to a disk or an object store. What is in
production belongs to `registry`; Dagster's I/O manager is in `orchestration`.
"""
