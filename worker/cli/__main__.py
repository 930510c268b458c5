"""`python -m worker.cli`: the same as `hookline`, for processes that start one another."""

from worker.cli import main

main()
