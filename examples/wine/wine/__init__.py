"""What the notebooks share: one module per step, so that an edit runs only the steps that use it."""
