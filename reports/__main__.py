"""Makes `python -m reports CKPT` the same as `bimt report CKPT`."""

from bimt.cli import run
from reports.commands import report

if __name__ == "__main__":
    raise SystemExit(run(report))
