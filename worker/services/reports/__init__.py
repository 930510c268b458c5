"""How things stand, for people and programs: accounts, batches, why a job waits; all as JSON."""
