"""What Dagster's UI shows of a value: columns from the contract, counts, a preview without ids, and pictures.

Numbers become trend plots there, so only those that matter are numbers; the rest is text. Markdown is shown in place up
to 1,000 characters, and behind a click beyond: tables are kept below that, pictures cannot be. `pipeline.specs` names
the function that describes each asset; `parts` holds what the descriptions are made of.
"""
