"""The results of a sweep, as tables and on a page."""
