"""`python -m bimt`: the same as the console script `bimt`."""

from bimt.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
