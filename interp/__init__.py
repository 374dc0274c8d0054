"""Interpretation: prune, draw, cut, name and write down a trained net."""
