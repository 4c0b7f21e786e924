"""Defaults that the settings and the functions of the domain share, each stated once.

The settings offer them to a user, and a function has them for a notebook or a test that calls it. Those of the search
of a recipe are in `recipes`. This module imports nothing, because the command line reads it at its start.
"""

SEED = 42
"""Of everything that is drawn at random; each draw has a setting of its own."""

TEST_SIZE = 0.2
CONFIDENCE = 0.95
RESAMPLES = 2000
RECALL_TARGET = 0.98
ALPHA = 0.02
"""The largest share of a class whose conformal prediction set misses it."""

POLICY_FOLDS = 10
PERMUTATIONS = 10
