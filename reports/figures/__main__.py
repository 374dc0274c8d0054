"""Makes `python -m reports.figures PATH` the same as `bimt figures PATH`."""

from bimt.cli import run
from reports.figure_commands import figures

if __name__ == "__main__":
    raise SystemExit(run(figures, prog="python -m reports.figures"))
