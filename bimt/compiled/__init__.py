"""The training step of small nets as native code, made for one wiring: optional, and equal to torch's to rounding."""
