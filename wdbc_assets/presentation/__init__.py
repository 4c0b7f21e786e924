"""Presentation of results: number formats, plots, the report page, and the redaction of patients' values.

Nothing here computes a result or starts a run.
"""
