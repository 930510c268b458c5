"""One model per answer, for HTTP, the command line, notifications and exports."""

from worker.services.reports.answers.accounts import Account, Accounts, Paused
from worker.services.reports.answers.base import Answer, BadField
from worker.services.reports.answers.batches import Batch, Batches, Changed, ListedBatch, Taken
from worker.services.reports.answers.doubts import DoubtfulJob, Doubts
from worker.services.reports.answers.history import History
from worker.services.reports.answers.inbox import InboxPage, KeptCallback, WholeCallback
from worker.services.reports.answers.jobs import Items, Job, Page, Pipeline, Quote, ToldPipeline
from worker.services.reports.answers.messages import (
    BatchMessage,
    Deliveries,
    Delivery,
    JobMessage,
    Message,
    PipelineMessage,
    RefusedMessage,
)
from worker.services.reports.answers.refusals import Refused, RefusedPage
from worker.services.reports.answers.tokens import Audit, IssuedToken, Token, Tokens

__all__ = [
    "Account",
    "Accounts",
    "Answer",
    "Audit",
    "BadField",
    "Batch",
    "BatchMessage",
    "Batches",
    "Changed",
    "Deliveries",
    "Delivery",
    "DoubtfulJob",
    "Doubts",
    "History",
    "InboxPage",
    "IssuedToken",
    "Items",
    "Job",
    "JobMessage",
    "KeptCallback",
    "ListedBatch",
    "Message",
    "Page",
    "Paused",
    "Pipeline",
    "PipelineMessage",
    "Quote",
    "Refused",
    "RefusedMessage",
    "RefusedPage",
    "Taken",
    "Token",
    "Tokens",
    "ToldPipeline",
    "WholeCallback",
]
