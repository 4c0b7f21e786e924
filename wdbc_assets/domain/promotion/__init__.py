"""Promotion: the bundle that is promoted, the gate and its criteria, agreement in shadow mode, and the model card."""
