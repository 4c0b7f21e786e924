"""Calibration of the monitoring by simulation: how often it raises a false alarm, and how soon it finds a change.

`make calibrate` simulates years of weekly and daily batches and stores the rates in docs/monitoring.json, which
docs/monitoring.md shows. `years` simulates, `changes` lists what may happen, `__main__` runs and stores.
"""
