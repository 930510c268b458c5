"""Files: caller's pictures (``inputs``), results, and where both are kept."""
