"""Decodes untrusted pictures, in processes of their own (``decoder``) with limits (``program``).

Only ``images`` imports Pillow, and only those processes import ``images``.
"""
