"""One model per answer, for HTTP, the command line, notifications and exports.

Each is imported on first use: pydantic takes milliseconds for a model, and a command needs few.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from worker.services.reports.answers.accounts import Account as Account
    from worker.services.reports.answers.accounts import Accounts as Accounts
    from worker.services.reports.answers.accounts import Paused as Paused
    from worker.services.reports.answers.base import Answer as Answer
    from worker.services.reports.answers.base import BadField as BadField
    from worker.services.reports.answers.batches import Batch as Batch
    from worker.services.reports.answers.batches import Batches as Batches
    from worker.services.reports.answers.batches import Changed as Changed
    from worker.services.reports.answers.batches import ListedBatch as ListedBatch
    from worker.services.reports.answers.batches import Taken as Taken
    from worker.services.reports.answers.doubts import DoubtfulJob as DoubtfulJob
    from worker.services.reports.answers.doubts import Doubts as Doubts
    from worker.services.reports.answers.history import History as History
    from worker.services.reports.answers.inbox import InboxPage as InboxPage
    from worker.services.reports.answers.inbox import KeptCallback as KeptCallback
    from worker.services.reports.answers.inbox import WholeCallback as WholeCallback
    from worker.services.reports.answers.jobs import Items as Items
    from worker.services.reports.answers.jobs import Job as Job
    from worker.services.reports.answers.jobs import Page as Page
    from worker.services.reports.answers.jobs import Pipeline as Pipeline
    from worker.services.reports.answers.jobs import Quote as Quote
    from worker.services.reports.answers.jobs import ToldPipeline as ToldPipeline
    from worker.services.reports.answers.messages import Alert as Alert
    from worker.services.reports.answers.messages import AlertMessage as AlertMessage
    from worker.services.reports.answers.messages import BatchMessage as BatchMessage
    from worker.services.reports.answers.messages import Deliveries as Deliveries
    from worker.services.reports.answers.messages import Delivery as Delivery
    from worker.services.reports.answers.messages import JobMessage as JobMessage
    from worker.services.reports.answers.messages import Message as Message
    from worker.services.reports.answers.messages import PipelineMessage as PipelineMessage
    from worker.services.reports.answers.messages import RefusedMessage as RefusedMessage
    from worker.services.reports.answers.refusals import Refused as Refused
    from worker.services.reports.answers.refusals import RefusedPage as RefusedPage
    from worker.services.reports.answers.tokens import Audit as Audit
    from worker.services.reports.answers.tokens import IssuedToken as IssuedToken
    from worker.services.reports.answers.tokens import Token as Token
    from worker.services.reports.answers.tokens import Tokens as Tokens
else:  # hidden from type checkers, so that they report names that do not exist
    _NAMES = {
        "accounts": "Account Accounts Paused",
        "base": "Answer BadField",
        "batches": "Batch Batches Changed ListedBatch Taken",
        "doubts": "DoubtfulJob Doubts",
        "history": "History",
        "inbox": "InboxPage KeptCallback WholeCallback",
        "jobs": "Items Job Page Pipeline Quote ToldPipeline",
        "messages": "Alert AlertMessage BatchMessage Deliveries Delivery JobMessage Message "
        "PipelineMessage RefusedMessage",
        "refusals": "Refused RefusedPage",
        "tokens": "Audit IssuedToken Token Tokens",
    }
    _HOME = {name: module for module, names in _NAMES.items() for name in names.split()}

    def __getattr__(name: str) -> Any:
        if module := _HOME.get(name):
            return getattr(import_module(f"{__name__}.{module}"), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
