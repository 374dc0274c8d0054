"""Sweeps: many configurations, trained by many workers."""
