"""Models: recipes, grid search, fitting, the compiled linear scorer, and the smoke test of what is served."""
