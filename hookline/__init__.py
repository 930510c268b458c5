"""The `hookline` command. What Python programs import is `worker`."""
