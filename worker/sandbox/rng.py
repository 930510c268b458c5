"""Reproducible randomness: it depends on the seed and the subject, never on timing or order."""

import random


def seeded_rng(*subject: object) -> random.Random:
    """A generator of its own for each subject, such as a seed, a fault's name and a number."""
    return random.Random("/".join(map(str, subject)))  # noqa: S311 - not for secrets
