"""Reports: pages and figures that show what was found."""
