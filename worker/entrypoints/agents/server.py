"""The tools as the Model Context Protocol knows them: names, descriptions, arguments, errors."""

from collections.abc import Callable
from functools import wraps
from importlib.metadata import version
from typing import Annotated, Any, ParamSpec, TypeVar

from mcp.server import MCPServer
from mcp.server.mcpserver import Image
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import ToolAnnotations
from pydantic import Field

from worker.domain.errors import HooklineError, InvalidRequest
from worker.domain.requests.kinds import MODELS
from worker.domain.requests.options import Options
from worker.entrypoints.agents.agent import JSON, MOST_WAIT_S, Agent

_P = ParamSpec("_P")
_R = TypeVar("_R")

_READS = ToolAnnotations(read_only_hint=True, open_world_hint=False)
_PAYS = ToolAnnotations(
    read_only_hint=False, destructive_hint=False, idempotent_hint=False, open_world_hint=True
)
_CANCELS = ToolAnnotations(read_only_hint=False, destructive_hint=True, idempotent_hint=True)

_INSTRUCTIONS = """\
Hookline runs paid image jobs at a Midjourney proxy. A job takes minutes: submit it, then
wait_for_job, and look at it with show_picture. What is finished has buttons (U1-U4 upscale one of
four, V1-V4 vary it): press_button. Ask quote_job or quote_press for the price first: every tool
that pays takes max_price, refuses what may cost more, and answers with the price and what is left
of this day's budget. Prices and budgets are in the operator's unit.
"""
_READ_ONLY = """
This server only reads: it was started without a budget.
"""


def _fields(model: type[Options]) -> str:
    own = {name: each for name, each in model.model_fields.items() if name not in _COMMON}
    return ", ".join(name if each.is_required() else f"{name}?" for name, each in own.items())


_COMMON = {*Options.model_fields, "then"}
_KINDS = "; ".join(f"{kind.value}: {_fields(model)}" for kind, model in MODELS.items())
_REQUEST = (
    "The job: `kind`, that kind's fields, and optionally then, account, mode (fast, relax, turbo), "
    f"priority, retry, seed, metadata. Kinds and fields ('?': optional): {_KINDS}. Images are "
    "https or data URLs. then: a list of follow-ups such as "
    '[{"press": "U1"}, {"press": "V2", "then": [{"press": "U1"}]}].'
)

Request = Annotated[dict[str, Any], Field(description=_REQUEST)]
JobId = Annotated[str, Field(description="The id of a job.")]
Button = Annotated[str, Field(description="A button of the job: name, label or emoji, as U1.")]
MaxPrice = Annotated[
    float, Field(ge=0, description="What it may cost at most; more is refused, and not submitted.")
]
Key = Annotated[
    str | None,
    Field(description="The same key and request give the same job again, paid once."),
]
Steps = Annotated[list[dict[str, Any]] | None, Field(description="Follow-ups, as of a job.")]
Window = Annotated[
    dict[str, str] | None,
    Field(description="For buttons that open a window: {prompt?, mask?}, mask a PNG data URL."),
]


def serve(agent: Agent) -> MCPServer:
    """The server of this agent: it only reads, unless its caller has a budget."""
    pays = agent.caller.limits.budget_per_day is not None
    server = MCPServer(
        "hookline",
        version=version("hookline"),
        instructions=_INSTRUCTIONS + ("" if pays else _READ_ONLY),
        log_level="WARNING",
    )
    _add_reading(server, agent)
    _add_prices(server, agent)
    if pays:
        _add_paying(server, agent)
    return server


def _add_reading(server: MCPServer, agent: Agent) -> None:
    """Tools that show jobs."""

    def list_jobs(
        status: str | None = None,
        kind: str | None = None,
        batch: str | None = None,
        limit: Annotated[int, Field(ge=1, le=200)] = 20,
        cursor: str | None = None,
    ) -> JSON:
        """List jobs, newest first."""
        return agent.jobs(status=status, kind=kind, batch=batch, limit=limit, cursor=cursor)

    def show_job(job_id: JobId) -> JSON:
        """Everything about one job, with what it waits for and what to do about an error."""
        return agent.job(job_id)

    def show_pipeline(job_id: JobId) -> JSON:
        """A job's pipeline: the root and all that grew from it, parents before children."""
        return agent.pipeline(job_id)

    def wait_for_job(
        job_id: JobId, timeout_s: Annotated[float, Field(gt=0, le=MOST_WAIT_S)] = MOST_WAIT_S
    ) -> JSON:
        """Wait until the job's pipeline is over; call it again while `over` is false."""
        return agent.wait(job_id, timeout_s)

    def show_picture(
        job_id: JobId, number: Annotated[int, Field(ge=0, description="From 0.")] = 0
    ) -> Image:
        """Look at a finished picture, 512 pixels wide at most."""
        kind, data = agent.picture(job_id, number)
        return Image(data=data, format=kind.removeprefix("image/"))

    for tool in (list_jobs, show_job, show_pipeline, wait_for_job, show_picture):
        server.add_tool(_told(tool), annotations=_READS)


def _add_prices(server: MCPServer, agent: Agent) -> None:
    """Tools that show what something costs, and what there is to spend."""

    def quote_job(request: Request) -> JSON:
        """What a job and its follow-ups would cost; nothing is submitted."""
        return agent.quote(request)

    def quote_press(
        job_id: JobId, button: Button, then: Steps = None, modal: Window = None
    ) -> JSON:
        """What pressing a button would cost; nothing is submitted."""
        return agent.quote_press(job_id, _press(button, then, modal))

    def show_budget() -> JSON:
        """What may still be spent today (UTC) through this server."""
        return agent.budget()

    def show_accounts() -> JSON:
        """The providers' accounts: free slots, money, trouble."""
        return agent.accounts()

    for tool in (quote_job, quote_press, show_budget, show_accounts):
        server.add_tool(_told(tool), annotations=_READS)


def _add_paying(server: MCPServer, agent: Agent) -> None:
    """Tools that start something, each with its price, or end it."""

    def submit_job(request: Request, max_price: MaxPrice, key: Key = None) -> JSON:
        """Submit a paid job with its follow-ups; the answer has its price."""
        return agent.submit(request, max_price, key)

    def press_button(
        job_id: JobId, button: Button, max_price: MaxPrice, *, then: Steps = None,
        modal: Window = None, key: Key = None,
    ) -> JSON:  # fmt: skip
        """Press a button of a succeeded job; this is a paid job, too."""
        return agent.press(job_id, _press(button, then, modal), max_price, key)

    def retry_job(job_id: JobId, max_price: MaxPrice) -> JSON:
        """Try a job again that failed, was cancelled or timed out; it is paid again."""
        return agent.retry(job_id, max_price)

    def cancel_job(job_id: JobId) -> JSON:
        """Cancel a job and what waits for it. Costs nothing; what already runs stays paid."""
        return agent.cancel(job_id)

    for tool in (submit_job, press_button, retry_job):
        server.add_tool(_told(tool), annotations=_PAYS)
    server.add_tool(_told(cancel_job), annotations=_CANCELS)


def _press(button: str, then: Any, modal: Any) -> JSON:
    given = {"button": button, "then": then, "modal": modal}
    return {name: value for name, value in given.items() if value is not None}


def _told(tool: Callable[_P, _R]) -> Callable[_P, _R]:
    """The tool, with our errors as answers that the agent reads and can act on."""

    @wraps(tool)
    def telling(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        try:
            return tool(*args, **kwargs)
        except InvalidRequest as error:
            listed = "\n".join(f"{each.field}: {each.message}" for each in error.errors)
            raise ToolError(f"The request is wrong:\n{listed}") from error
        except HooklineError as error:
            raise ToolError(str(error)) from error

    return telling
