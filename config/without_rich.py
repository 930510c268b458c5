"""structlog without rich, which it loads where it is installed, to draw tracebacks on terminals.

That is 6 MB and 50 ms of each process, and tracebacks are to be searched, not looked at.
"""

import sys

__all__ = ["structlog"]

_rich = sys.modules.get("rich")
sys.modules["rich"] = None  # type: ignore[assignment]  # now an import of it fails
try:
    import structlog
finally:
    del sys.modules["rich"]
    if _rich:
        sys.modules["rich"] = _rich
