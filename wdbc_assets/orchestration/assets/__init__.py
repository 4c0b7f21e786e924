"""The Dagster assets, one module per group. `materialize` and `promoted` contain what they share."""
