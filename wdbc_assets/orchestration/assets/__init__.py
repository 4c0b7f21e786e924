"""The assets, one module per group; `versioned` is the mechanism that they share."""
