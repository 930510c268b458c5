"""Reports for people and programs: accounts, batches, why a job waits."""
