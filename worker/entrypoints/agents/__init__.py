"""Hookline for agents: tools of the Model Context Protocol. `hookline mcp` runs them over stdio.

An agent is a caller of its own: it has a name in the audit trail, and what it starts is held to a
budget per day, like that of an API token.
"""
