"""The prediction service: HTTP over the champion's bundle. It imports domain and storage, never Dagster.

A request passes, from outside to inside: `connections` (bytes and time of a connection), `boundary` (its id, headers,
log, metrics, whatever nobody foresaw), `gate` (who may, and how often), `patience` (size, time, how many at once), then
FastAPI's routes: `endpoints` (version 1), `operations` (health, metrics), `documentation` (Swagger UI, ReDoc). `models`
are derived from the contract, `bodies` reads what is sent, `problems` are the one form of every error, `champion`
watches the pointer and swaps what answers, in threads of `background`, `golden` knows what is usual for it, `keys` is
the file of keys and `keyring` what a process knows of it. `app` puts it together; `__main__` runs it.
"""
