"""Whether a candidate may become champion: the gate and its criteria, agreement in shadow mode, and the model card."""
