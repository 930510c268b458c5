# ruff: noqa: RUF009 - `option` and its kin build dataclass fields
"""Options: the provider that a sandbox imitates, its habits, and the faults it injects.

Every option is a field of `SandboxOptions` with its help text and parser, so the command line is
built from `OPTIONS` and a new option is one line here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

DIALECTS = ("trueai", "novicezk", "gateway", "crazyrouter")

Seconds = tuple[float, float]


def parse_seconds(text: str) -> Seconds:
    """Read a range of seconds: `2-5`, or `3` for exactly three."""
    low, _, high = text.partition("-")
    try:
        return float(low), float(high or low)
    except ValueError:
        raise ValueError(f"{text!r} is not a range of seconds such as 2-5") from None


def parse_words(text: str) -> tuple[str, ...]:
    """Read comma-separated words."""
    return tuple(word.strip().lower() for word in text.split(",") if word.strip())


def parse_rate(text: str) -> float:
    """Read a share of all cases: `0.1` or `10%`."""
    return float(text[:-1]) / 100 if text.endswith("%") else float(text)


def option(default: Any, parse: Callable[[str], Any], text: str) -> Any:
    """Declare a dataclass field that is also a command-line option."""
    return field(default=default, metadata={"parse": parse, "help": text})


def flag(text: str, *, default: bool | None = False) -> Any:
    """Declare a switch; `None` leaves the choice to the dialect."""
    return option(default, bool, text)


def rate(text: str) -> Any:
    """Declare a fault that affects a share of all cases."""
    return option(0.0, parse_rate, text + " (share of cases, 0-1)")


@dataclass(frozen=True)
class SandboxOptions:
    """All settings of one sandbox."""

    dialect: str = option("trueai", str, "whose protocol to speak")
    key: str | None = option(None, str, "the API key asked for; none: no auth")
    task_seconds: Seconds = option((2.0, 5.0), parse_seconds, "how long a task runs, A-B")
    max_running: int = option(0, int, "tasks that run at once; 0: no limit")
    refuse_above: int = option(
        10, int, "waiting tasks above which a submission is refused as queue full"
    )
    public_url: str | None = option(
        None, str, "address to put into picture URLs; none: the listening one"
    )
    ledger_path: str | None = option(
        None, str, "append every accepted submission to this JSONL file"
    )
    memory_path: str | None = option(
        None, str, "remember tasks and pictures in this SQLite file, across restarts"
    )
    seed: int = option(0, int, "repeats the same durations and faults")

    # Habits: what such providers do.
    forward_hook: bool | None = flag(
        "pass notifyHook on, or strip it; default as the dialect does", default=None
    )
    remix: bool = flag("account in remix mode: V, pan and reroll open the window too")
    partner_account: bool = flag("describe results without emoji numbers (trueai)")
    instant_upscales: bool = flag("upscales succeed within the submit, no callback")
    modal_new_task: bool = flag("a modal opens a new task id, under its own state")
    grids_without_buttons: bool = flag(
        "grids list no buttons (change is there instead); emoji is an object"
    )
    callback_every_ms: int = option(
        0, int, "a full callback every so often, changed or not; 0: only on change"
    )
    callback_retry_scale: float = option(
        1.0, float, "factor on the pauses between callback retries (crazyrouter)"
    )
    fetch_lag: float = option(0.0, float, "seconds between a gateway's looks at its upstream")
    web_pages: bool = flag("unknown paths are answered 200 with a web page, as new-api does")
    no_seeds: bool = flag("image-seed is refused, as through new-api")
    banned: tuple[str, ...] = option((), parse_words, "words that moderation refuses")
    swap_equal_prompts: bool = flag("equal prompts running at once swap pictures")

    books: bool | None = flag(
        "list tasks with their prices, log charges and show the balance; default as the dialect"
        " does",
        default=None,
    )
    books_token: str | None = option(
        None, str, "the user's access token asked for by that list; none: any"
    )
    task_price: float = option(0.1, float, "what the books charge for a submission, in units")
    balance: float = option(
        0.0, float, "units on the key, which is refused when they are used up; 0: no limit"
    )

    # Faults: what goes wrong.
    callbacks_lost: float = rate("callbacks never sent")
    callbacks_doubled: float = rate("callbacks sent twice")
    callbacks_shuffled: float = rate("callbacks held back by a random part of the task's time")
    callbacks_late: float = rate("callbacks held back by late-seconds")
    late_seconds: Seconds = option((1.0, 5.0), parse_seconds, "how late, A-B")
    callbacks_early: float = rate("first callback before the submit reply")
    callbacks_without_state: float = rate("callbacks without `state`")
    callbacks_without_buttons: float = rate("SUCCESS callbacks without `buttons`")
    refusals: float = rate("submissions refused: queue full, limits, 429")
    errors_before: float = rate("submissions answered 5xx, not accepted")
    errors_after: float = rate("submissions accepted, then answered 5xx")
    slow_replies: float = rate("submissions accepted, answered after slow-seconds")
    slow_seconds: Seconds = option((1.0, 3.0), parse_seconds, "how slow, A-B")
    cut_replies: float = rate("submissions accepted, connection closed without an answer")
    failures: float = rate("tasks that end in FAILURE")
    late_successes: float = rate("tasks that time out, and succeed after all")
    late_success_seconds: Seconds = option(
        (1.0, 3.0), parse_seconds, "time from the timeout to the success, A-B"
    )

    list_length: int = option(0, int, "tasks that task/list shows at most; 0: as the dialect does")
    list_lag: float = option(0.0, float, "seconds until task/list shows a new task")
    list_servers: int = option(
        1, int, "servers that take tasks and list calls in turn; each lists its own tasks only"
    )

    pictures_failed: float = rate("picture downloads answered 5xx")
    pictures_cut: float = rate("picture downloads that end in the middle")
    links_expired: float = rate("picture links that die after link-seconds, until fetched again")
    link_seconds: Seconds = option(
        (0.0, 0.5), parse_seconds, "how long a link that dies is good for, A-B"
    )

    def __post_init__(self) -> None:
        if problems := _problems(self):
            raise ValueError("; ".join(problems))


@dataclass(frozen=True)
class Option:
    """One option, as the command line needs it."""

    name: str
    default: Any
    help: str
    parse: Callable[[str], Any]

    @property
    def flag(self) -> str:
        """The switch, e.g. `--task-seconds`."""
        return "--" + self.name.replace("_", "-")

    @property
    def is_switch(self) -> bool:
        """Whether it takes no value."""
        return self.parse is bool

    @property
    def is_rate(self) -> bool:
        """Whether it is the share of cases that a fault affects."""
        return self.parse is parse_rate


OPTIONS: tuple[Option, ...] = tuple(
    Option(f.name, f.default, f.metadata["help"], f.metadata["parse"])
    for f in fields(SandboxOptions)
)


def options_from_text(given: Mapping[str, str | bool | None]) -> SandboxOptions:
    """Build options from command-line values; `None` means not given."""
    values: dict[str, Any] = {}
    for known in OPTIONS:
        value = given.get(known.name)
        if value is not None:
            values[known.name] = known.parse(value) if isinstance(value, str) else value
    return SandboxOptions(**values)


def _problems(options: SandboxOptions) -> list[str]:
    found = []
    if options.dialect not in DIALECTS:
        found.append(f"dialect must be one of {', '.join(DIALECTS)}")
    for known in OPTIONS:
        value = getattr(options, known.name)
        if known.is_rate and not 0 <= value <= 1:
            found.append(f"{known.name} must lie between 0 and 1")
        if known.parse is parse_seconds and not 0 <= value[0] <= value[1]:
            found.append(f"{known.name} must be a range A-B with 0 <= A <= B")
        if known.parse in (int, float) and value < 0:
            found.append(f"{known.name} must not be negative")
    if options.list_servers < 1:
        found.append("list_servers must be at least 1")
    return found
