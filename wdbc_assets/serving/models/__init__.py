"""The models that a worker holds in memory: the champion, and a challenger beside it."""
