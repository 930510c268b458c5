"""The figures as tables."""

from collections.abc import Iterable, Sequence

from rich.table import Table

from tests.scale.processes import Spent
from tests.scale.replicas import Waited
from tests.scale.saturation import Load
from tests.scale.sizing import Assumed, Costs, Size


def waits_table(waits: Iterable[Waited]) -> Table:
    shown = _table("A commit that waits for replicas", "replicas", "ms", "times 0")
    for each in waits:
        shown.add_row(str(each.replicas), f"{each.ms:.2f}", f"{each.ratio:.2f}")
    return shown


def loads_table(loads: Iterable[Load]) -> Table:
    shown = _table(
        "Redis under load",
        "processes",
        "appendfsync",
        "commits/s",
        "tasks/s",
        "of its core",
        "commits/s of a whole one",
    )
    for load in loads:
        shown.add_row(
            str(load.processes),
            load.fsync,
            f"{load.commits_per_s:,.0f}",
            f"{load.tasks_per_s:,.0f}",
            f"{load.busy:.0%}",
            f"{load.limit:,.0f}",
        )
    return shown


def kinds_table(load: Load) -> Table:
    """By kind, and what a million jobs need."""
    title = f"Redis's CPU by kind, {load.processes} processes, appendfsync {load.fsync}"
    shown = _table(title, "event", "CPU, us", "scripts, us", "events/s")
    for name, kind in load.kinds.items():
        shown.add_row(name, f"{kind.cpu_us:.0f}", f"{kind.scripts_us:.0f}", f"{kind.rate:,.0f}")
    memory = ", ".join(f"{each / 1000:.1f} GB {stage}" for stage, each in load.memory.items())
    shown.caption = f"A million jobs: {memory}"
    return shown


def callbacks_table(used: Spent) -> Table:
    shown = _table("Callbacks through a web process", "kind", "/s here", "CPU, ms", "/s of a core")
    for each in used.callbacks:
        shown.add_row(each.kind, f"{each.rate:,.0f}", f"{each.ms:.2f}", f"{each.per_core:,.0f}")
    shown.caption = (
        f"A task of a burst: web {used.web_ms:.1f} ms, worker {used.worker_ms:.1f} ms, "
        f"Redis {used.redis_ms:.2f} ms"
    )
    return shown


def sizes_table(costs: Costs, sizes: Sequence[Size], assumed: Assumed) -> Table:
    shown = _table(
        "What provider tasks a second need",
        "tasks/s",
        "Redis cores",
        "web cores",
        "worker cores",
        "GB waiting, running",
        "GB kept",
        "cells",
    )
    for each in sizes:
        shown.add_row(
            f"{each.rate:,.0f}",
            *(f"{n:,.1f}" for n in (each.redis_cores, each.web_cores, each.worker_cores)),
            *(f"{n:,.1f}" for n in (each.active_gb, each.kept_gb)),
            str(each.cells),
        )
    shown.caption = (
        f"A task: Redis {costs.redis_ms:.2f} ms, web {costs.web_ms:.1f} ms, worker "
        f"{costs.worker_ms:.1f} ms of CPU; cores {assumed.busy:.0%} busy; a job waits "
        f"{assumed.waits_s / 60:g} min, runs {assumed.runs_s / 60:g} min and is kept "
        f"{assumed.kept_s / 3600:g} h; a Redis holds {assumed.redis_gb:g} GB at most"
    )
    return shown


def _table(title: str, *columns: str) -> Table:
    shown = Table(title=title, title_justify="left", title_style="bold")
    for number, name in enumerate(columns):
        shown.add_column(name, justify="right" if number else "left")
    return shown
