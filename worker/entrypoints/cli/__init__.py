"""The `hookline` command: a module per group of commands, `base` for what they share."""

import click

from worker.entrypoints.cli.base import Commands, Place

#: Every command with its module and its line of `hookline --help`, which imports none of them.
_SECTIONS = {
    "Start": {
        "up": Place("up", "Run everything on this machine, until Ctrl-C."),
        "demo": Place("demo", "Run the main job against the sandbox, with real pictures."),
        "status": Place("status", "Show what runs here, what is wrong and what to do."),
        "logs": Place("logs", "Print what `hookline up` logs."),
        "env": Place("env", "Print the broker's URL and the API token, for your apps."),
    },
    "Make": {
        "imagine": Place("kinds", "A picture from words, and from pictures as a reference."),
        "press": Place("steering", "Press a button of a finished job; `U*` for all that match."),
        "batch": Place("batch", "Submit the jobs of a file, and follow them all together."),
        "blend": Place("kinds", "One picture of two to five."),
        "describe": Place("kinds", "Prompts from a picture."),
        "shorten": Place("kinds", "A shorter prompt."),
        "edits": Place("kinds", "A picture changed by words, everywhere or where the mask is."),
        "retexture": Place("kinds", "The same shapes in another look."),
        "video": Place("kinds", "A film from a picture, or a longer one from a film."),
        "swap-face": Place("kinds", "The face of SOURCE in TARGET."),
        "upload": Place("kinds", "Upload pictures to the provider; prints their URLs."),
        "action": Place("kinds", "A button of a finished job or task; `press` is shorter."),
        "modal": Place("kinds", "Answer a window; the job that waits for it continues."),
        "change": Place("kinds", "Upscale, vary or reroll, for providers without buttons."),
    },
    "Follow": {
        "jobs": Place("jobs", "List jobs, newest first."),
        "show": Place("jobs", "Show a job and what grew from it, or its whole pipeline."),
        "watch": Place("jobs", "Follow a job and all that grows from it to its end."),
        "top": Place("top", "Jobs, slots and accounts as they change; keys to steer them."),
        "cancel": Place("steering", "Cancel jobs, and what waits for them."),
        "retry": Place("steering", "Retry jobs that failed, were cancelled or timed out."),
        "fetch": Place("fetching", "Store the files of succeeded jobs again."),
        "export": Place("export", "Write finished jobs as lines of JSON, as in the HTTP API."),
    },
    "Money": {
        "accounts": Place("accounts", "Show each account: its jobs, its money, its deliveries."),
        "pause": Place("accounts", "Start no more jobs of an account or a kind."),
        "resume": Place("accounts", "Start jobs of an account or a kind again."),
        "doubts": Place("doubts", "List jobs in doubt, with what evidence there is."),
        "resolve": Place("steering", "End a doubt: was the job accepted, and paid, or not?"),
    },
    "Operate": {
        "doctor": Place("doctor", "Check settings, servers, workers, provider and callbacks."),
        "deliveries": Place("deliveries", "List notifications; show one, or send it again."),
        "inbox": Place("inbox", "List what providers called back; bind a stray one to its job."),
        "refused": Place("refused", "List refused requests of other programs' Celery tasks."),
        "tokens": Place("tokens", "List the API tokens; create, rotate or revoke one."),
        "audit": Place("audit", "List who changed what, newest first."),
        "migrate": Place("migrate", "Bring up what older versions stored, after an upgrade."),
        "mcp": Place("mcp", "Serve tools to an agent over stdin and stdout."),
        "web": Place("processes", "Run the web process: callbacks and the HTTP API."),
        "worker": Place("processes", "Run a worker process: it submits, polls and stores."),
        "sandbox": Place("sandbox", "Run a stand-in of the provider, with faults on demand."),
    },
}


#: Click does not rewrap a paragraph after a backspace.
_HELP = """Run paid, slow, asynchronous image jobs, and what follows from them.

Start with `hookline up`, then, in a second terminal:

\b
  hookline imagine "a red fox" --then U1 --wait
  hookline press last V2 --wait

Where a command takes an ID, the beginning of one does, and `last` for the newest job.

Exit codes: 0 done, 1 the job failed, 2 wrong usage, 3 a service is unreachable, 4 not over within
--timeout, 130 Ctrl-C.
"""


@click.group(
    cls=Commands,
    sections=_SECTIONS,
    help=_HELP,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="hookline")
def cli() -> None:
    """Run a command: see ``_HELP``."""


def main() -> None:
    """Run the command line."""
    cli(prog_name="hookline")
