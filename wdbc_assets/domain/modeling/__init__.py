"""Models: recipes, grid search, fitting, the compiled linear scorer, and the bundle that is served."""
