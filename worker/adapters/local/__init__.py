"""One machine: a Redis of our own, processes that are kept running, a port, and how to stop."""
