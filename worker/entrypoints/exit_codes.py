"""The exit codes of all commands."""

DONE, JOB_FAILED, WRONG_USAGE, UNREACHABLE, NOT_OVER = range(5)
INTERRUPTED = 130  #: by Ctrl-C
