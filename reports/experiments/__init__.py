"""The published experiments, each reproduced with one command: `bimt reproduce NAME`."""
