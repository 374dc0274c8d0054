"""The net families, all described by a wiring."""
