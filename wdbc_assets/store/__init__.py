"""The artifact store: immutable versions named by their content, and one atomic pointer per asset.

`store` is what the rest of the package talks to; `manifest` is what a pointer says; `places` says where things lie;
`codecs` turn values into files and back; `backend` puts bytes down durably, on a disk or an object store; `io_manager`
is Dagster's door to all of it.
"""
