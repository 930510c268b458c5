"""What would be handed in, as a tree with prices."""

from collections.abc import Iterator
from typing import NamedTuple

from worker.domain.dry_run import Plan, Quote
from worker.domain.job import Kind
from worker.domain.money import Amount, in_words
from worker.entrypoints.cli.render import short


class _Line(NamedTuple):
    """One step: its place in the tree with its words, how many jobs in all, and their price."""

    text: str
    jobs: int
    price: Amount
    known: bool


def lines(quote: Quote) -> list[str]:
    """The tree, a line for each step, with the price of all its jobs; the total last."""
    found = list(_branch(quote.tree, 1, "", ""))
    found.append(_Line("total", quote.tree.jobs, quote.total, quote.tree.exact))
    width = max(len(line.text) for line in found)
    counts = [_counted(line) for line in found]
    prices = [in_words(line.price) for line in found]
    rows = zip(found, counts, prices, strict=True)
    return [
        f"{line.text:<{width}}  {count:>{max(map(len, counts))}}  {price:>{max(map(len, prices))}}"
        for line, count, price in rows
    ]


def remarks(quote: Quote) -> Iterator[str]:
    """What the prices do not tell by themselves."""
    if not quote.tree.exact:
        yield "* What is pressed there is known only then: there may be more jobs."
    if not quote.total:
        yield "Nothing here has a price; prices are set for each account (HOOKLINE_ACCOUNTS)."
    elif len(set(quote.totals.values())) > 1:
        each = ", ".join(f"{name} {in_words(total)}" for name, total in quote.totals.items())
        yield f"By account: {each}; the highest counts until one takes it."
    yield "Nothing was handed in."


def _branch(plan: Plan, parents: int, head: str, indent: str) -> Iterator[_Line]:
    """``parents``: how many jobs have this step below them."""
    yield _Line(head + _words(plan), parents * plan.times, parents * plan.price, plan.known)
    for child in plan.children:
        last = child is plan.children[-1]
        fork, below = ("└─ ", "   ") if last else ("├─ ", "│  ")
        yield from _branch(child, parents * plan.times, indent + fork, indent + below)


def _words(plan: Plan) -> str:
    """A press of buttons whose names are not known yet is told by what chooses them."""
    words = plan.words if plan.kind is Kind.ACTION else f"{plan.kind.value} {plan.words}"
    return short(words.strip() or plan.kind.value)


def _counted(line: _Line) -> str:
    number = "1 job" if line.jobs == 1 else f"{line.jobs:,} jobs"
    return number if line.known else f"{number}*"
