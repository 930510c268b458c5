"""A dry run on the terminal: the tree of jobs with their prices."""

from collections.abc import Iterator

from worker.domain.dry_run import Plan, Quote
from worker.domain.job_spec import Kind
from worker.domain.money import Amount, in_words
from worker.domain.printable import counted
from worker.entrypoints.cli.render import branches, short


def lines(quote: Quote) -> list[str]:
    """The tree, a line per step with the number and price of its jobs; the total last."""
    rows = [
        _row(f"{head}{_words(plan)}", above * plan.times, above * plan.price, known=plan.known)
        for (plan, above), head, _ in branches((quote.tree, 1), _below)
    ]
    rows.append(_row("total", quote.tree.jobs, quote.total, known=quote.tree.exact))
    text_width, count_width, price_width = (
        max(map(len, column)) for column in zip(*rows, strict=True)
    )
    return [
        f"{text:<{text_width}}  {count:>{count_width}}  {price:>{price_width}}"
        for text, count, price in rows
    ]


def remarks(quote: Quote) -> Iterator[str]:
    """Caveats about the prices."""
    if not quote.tree.exact:
        yield "* What is pressed there is known only then: there may be more jobs."
    if not quote.total:
        yield "Nothing here has a price; prices are set for each account (HOOKLINE_ACCOUNTS)."
    elif len(set(quote.totals.values())) > 1:
        each = ", ".join(f"{name} {in_words(total)}" for name, total in quote.totals.items())
        yield f"By account: {each}; the highest counts until one takes it."
    yield "Nothing was submitted."


def _below(step: tuple[Plan, int]) -> list[tuple[Plan, int]]:
    """The steps below a step, each with the number of jobs that it follows."""
    plan, above = step
    return [(child, above * plan.times) for child in plan.children]


def _words(plan: Plan) -> str:
    """Describe a step; buttons that are not known yet by their pattern."""
    words = plan.words if plan.kind is Kind.ACTION else f"{plan.kind.value} {plan.words}"
    return short(words.strip() or plan.kind.value)


def _row(text: str, jobs: int, price: Amount, *, known: bool) -> tuple[str, str, str]:
    return text, counted(jobs, "job") + ("" if known else "*"), in_words(price)
