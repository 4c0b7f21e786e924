"""The prediction service: an HTTP API over the champion's bundle. Imports domain and store, never Dagster.

A request passes these layers from the outside in:

* `protocol`: limits of a connection (bytes, headers, time).
* `middleware.request_log`: request id, security headers, log line, metrics, unexpected exceptions.
* `middleware.auth`: API keys and rate limits.
* `middleware.limits`: body size, timeouts, concurrency.
* `api`: the routes (the table `endpoints.ROUTES`, which all layers read, and its handlers), schemas, problem details.

`models` holds the champion and a challenger in memory and hot-reloads them in threads of `background`. `api_keys` is
the key file and `keyring` a process's view of it. `app` wires everything together. `__main__` runs it with one process
(`server`) or several (`supervisor`).
"""
