"""What is wrong here, and what to do about it: `hookline doctor`, and the page of the same name.

``checks`` measures, by the adapters; ``findings`` and ``account_findings`` decide, from values
alone; ``doctor`` runs the checks at the same time, each for so long.
"""
