"""Files: callers' pictures (``inputs``), results, and the storage of both."""
