"""Chance that can be repeated: it hangs on the seed and the subject, never on who came first."""

from __future__ import annotations

import random


def chance(*subject: object) -> random.Random:
    """Dice of their own for each subject, such as a seed, a fault's name and a number."""
    return random.Random("/".join(map(str, subject)))  # noqa: S311 - play, not secrecy
