"""Models: recipes, search, fitting, the compiled linear scorer, and the bundle that is served."""
