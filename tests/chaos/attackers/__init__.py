"""Attackers: each is a small program of its own, which says at its end what it did, as JSON."""
