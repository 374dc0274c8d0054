"""What make bench runs, and the experiments behind the numbers in docs/."""
