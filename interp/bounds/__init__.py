"""Proves how far formulas can be apart on a whole box of inputs: intervals rounded outward, branch and bound."""
