"""`python -m worker.entrypoints.cli`: `hookline`, for processes that start one another."""

from worker.entrypoints.cli import main

main()
