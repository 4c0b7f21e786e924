"""How results look: numbers and text, plots, the report, and which values of patients may be shown.

Nothing here computes a result, and nothing here imports Dagster.
"""
