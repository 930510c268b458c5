"""One machine: the private Redis, supervised processes, the listening port, stopping."""
