"""The rehearsal: a year of a hospital in minutes, for `wdbc simulate` and `make demo`.

A synthetic hospital sends a batch of patients every week, and their diagnoses some weeks later. A script of `events`
lets things go wrong. All else is real: inbox, sensors, jobs, gate, service, alerts and rollback do what they do in
production, in a folder of their own, by a clock that the rehearsal sets. At the end a table says what was found, when,
by what, and how many wrong answers were given meanwhile.

`hospital` makes the patients, `platform` is the real system as the rehearsal uses it, `events` are the script, `year`
plays it, `summary` and `page` show the result.
"""
