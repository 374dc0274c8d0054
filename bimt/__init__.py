"""Training: nets whose wiring sits in space and has a price."""
