"""Finds short closed forms for numbers: weighted sums of few terms from a library, behind a few outer functions."""
