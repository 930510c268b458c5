"""PURE. Numbers in sentences."""


def counted(count: int, what: str) -> str:
    """``1 job``, ``2 jobs``, ``1,200 jobs``."""
    return f"{count:,} {what}" + ("s" if count != 1 else "")
