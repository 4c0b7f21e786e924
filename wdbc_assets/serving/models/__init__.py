"""The models that a worker holds in memory: the champion and, during an experiment, a challenger."""
