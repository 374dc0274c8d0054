"""Makes `python -m reports CKPT` the same as `bimt report CKPT`, and `python -m reports gallery` as `bimt gallery`.

A checkpoint in a folder called gallery is said as ./gallery.
"""

import sys

from bimt.cli import run
from reports.page_commands import gallery, report

if __name__ == "__main__":
    is_gallery = sys.argv[1:2] == ["gallery"]
    raise SystemExit(run(gallery, sys.argv[2:]) if is_gallery else run(report))
