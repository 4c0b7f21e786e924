"""Plain Python about tumours, tables and models: no Dagster, no network, no disk. Read it first."""
