"""A local stand-in of a Midjourney-proxy provider: every endpoint, real pictures, faults on demand.

It is a program of its own and the independent oracle of the tests, so it imports nothing from
Hookline: each side implements the protocol for itself.
"""

from worker.sandbox.options import OPTIONS, Option, SandboxOptions, options_from_text
from worker.sandbox.server import Sandbox, serve

__all__ = ["OPTIONS", "Option", "Sandbox", "SandboxOptions", "options_from_text", "serve"]
