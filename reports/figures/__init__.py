"""Figures: each is described once, as a `Drawing`, and written as SVG for a page and as PNG for everything else."""
