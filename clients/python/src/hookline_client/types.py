"""Requests and answers. Made by `make clients`; do not edit."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypeAlias, TypedDict

AlertKind: TypeAlias = Literal[
    "account_closed", "old_doubt", "budget_low", "double_payment", "no_worker"
]
"""
What is wrong. The rules in deploy/alerts.yml have the same names.
"""


AlertState: TypeAlias = Literal["began", "ended"]
"""
Which of its two edges an alert reports.
"""


class Alive(TypedDict):
    """
    The process lives.
    """

    status: Literal["ok"]


class Assets(TypedDict):
    """
    Which files to store, and whether to also store a grid's four pictures one by one.
    """

    files: NotRequired[Literal["off", "grid", "all"] | None]
    tiles: NotRequired[bool | None]


AssetsStatus: TypeAlias = Literal["none", "pending", "stored", "failed"]
"""
Whether the result's files are in our own storage.
"""


class Attempt(TypedDict):
    """
    One try to have the job accepted by the provider.
    """

    number: int
    started_at: str
    """
    RFC 3339, UTC
    """
    outcome: str | None
    task_id: str | None
    """
    the accepted task, if it is known
    """


AuditAction: TypeAlias = Literal[
    "cancel",
    "retry",
    "fetch",
    "resolve",
    "bind",
    "pause",
    "resume",
    "replay",
    "share",
    "create",
    "rotate",
    "revoke",
]
"""
What was asked for.
"""


class AuditEntry(TypedDict):
    """
    One change, as it was asked for.
    """

    id: str
    at: str
    """
    RFC 3339, UTC
    """
    actor: str
    """
    a token's name, or `cli`, `python`, `celery`
    """
    tenant: str | None
    """
    of the token
    """
    action: AuditAction
    job: str | None
    batch: str | None
    account: str | None
    """
    of the job, or paused or resumed itself
    """
    subject: str | None
    """
    a kind, a delivery or a token
    """
    detail: str | None


class BadField(TypedDict):
    """
    One thing that is wrong with a request.
    """

    field: str
    message: str


class BadRow(TypedDict):
    """
    A row of a batch's file that is not a valid job.
    """

    row: int
    """
    the line where it starts, from 1
    """
    errors: list[BadField]


class Balance(TypedDict):
    """
    What is left on the account's key, by the gateway's own ledger.
    """

    available: float | None
    """
    in units; null: without limit
    """
    granted: float
    """
    what was left and used when it was read
    """
    read_at: str
    """
    RFC 3339, UTC
    """
    warning: str | None
    """
    why it needs a person
    """


class BatchCost(TypedDict):
    """
    What a batch cost and may cost. `refunded` is part of `spent`.
    """

    budget: float | None
    """
    null: no limit
    """
    spent: float
    reserved: float
    """
    for submits under way or in doubt
    """
    refunded: float
    estimated: float
    """
    for queued jobs, without their follow-ups
    """


class BatchNotify(TypedDict):
    """
    Where to send a batch's notifications; topics may include those of its jobs.
    """

    celery_task: NotRequired[str | int | None]
    queue: NotRequired[str | int | None]
    url: NotRequired[str | None]
    on: NotRequired[
        list[
            Literal[
                "job.progress", "job.succeeded", "job.failed", "pipeline.finished", "batch.finished"
            ]
        ]
        | None
    ]


class Bind(TypedDict):
    """
    The job to which a callback belongs.
    """

    job_id: str | int


class Budget(TypedDict):
    """
    A budget that accounts share.
    """

    scope: str
    """
    `day:2026-11-22` or `tenant:NAME`
    """
    budget: float | None
    """
    null: no limit
    """
    spent: float
    reserved: float
    """
    for submits under way or in doubt
    """
    refunded: float


class Button(TypedDict):
    """
    A button of a finished task; ``custom_id`` is sent back verbatim.
    """

    custom_id: str
    label: str
    emoji: str


CallbackVerdict: TypeAlias = Literal["applied", "unchanged", "stale", "foreign", "refused"]
"""
What became of a callback.
"""


class Changed(TypedDict):
    """
    How many jobs of a batch changed.
    """

    jobs: int
    """
    jobs that changed
    """


DeliveryState: TypeAlias = Literal["waiting", "delivered", "dead"]
"""
The state of a notification.
"""


Disposition: TypeAlias = Literal["applied", "duplicate", "stale", "foreign"]
"""
What became of an event.
"""


class DoublePayment(TypedDict):
    """
    An acceptance beyond the one that is followed.
    """

    attempt: int
    task_id: str | None


Figures: TypeAlias = Literal["provider", "prices", "both"]
"""
Whose figures a job's ``spent`` and ``refunded`` are.
"""


class Index(TypedDict):
    """
    What runs here, and where its parts are. Calls under `/v1` need an API token.
    """

    about: str
    version: str
    links: dict[str, str]


class JobCost(TypedDict):
    """
    What a job costs, in the unit of the prices. `refunded` is part of `spent`.
    """

    estimated: float | None
    """
    of a submit that is still to come
    """
    reserved: float
    """
    of one on its way, or in doubt
    """
    spent: float
    """
    of all that were accepted
    """
    refunded: float
    figures: NotRequired[Figures | None]
    """
    `provider`: `spent` and `refunded` are the provider's own figures; `both`: of some submits; missing: they are estimates by the price list
    """


class JobError(TypedDict):
    """
    Why a job did not succeed. ``code`` is stable, ``message`` the provider's words or ours.
    """

    code: str
    message: str
    hint: str | None
    retryable: bool


class Keep(TypedDict):
    """
    Which files of a result are stored. ``tiles``: also a grid's four images, one by one.
    """

    files: Literal["off", "grid", "all"]
    tiles: bool


Kind: TypeAlias = Literal[
    "imagine",
    "action",
    "blend",
    "describe",
    "modal",
    "shorten",
    "change",
    "edits",
    "retexture",
    "video",
    "swap_face",
    "upload",
    "choose",
]
"""
What is submitted; each kind is one of the provider's submit calls.
"""


class LedgerState(TypedDict):
    """
    What the gateway's own ledger is read for.
    """

    costs: Literal["provider", "prices"]
    """
    whose figures costs are once they are known
    """
    doubts: bool
    """
    whether it settles jobs in doubt
    """
    trouble: str | None
    """
    why it could not be read
    """


class ListedBatch(TypedDict):
    """
    Many root jobs submitted together, and their descendants.
    """

    id: str
    name: str
    created_at: str
    """
    RFC 3339, UTC
    """
    status: Literal["running", "paused", "finished"]
    """
    `finished`: all jobs so far are over
    """
    rows: int
    """
    root jobs
    """
    bad: int
    """
    invalid rows of the last file
    """
    counts: dict[str, int]
    """
    a number per status, and `total`; follow-ups included
    """
    errors: dict[str, int]
    """
    jobs that failed, by error code
    """
    planned: int
    """
    expected number of jobs in the end
    """
    tenant: str | None
    """
    whose token submitted it; null: the operator's own
    """
    cost: BatchCost


class ModalAnswer(TypedDict):
    """
    The answer to a modal window: a prompt, a mask or both.
    """

    prompt: NotRequired[str | None]
    mask: NotRequired[str | None]


class Moments(TypedDict):
    """
    When the stages of a job were reached, those of the attempt that is followed; null: not yet,
    or not known.
    """

    created: str
    """
    RFC 3339, UTC
    """
    taken: str | None
    """
    a worker took it: it had a slot
    """
    posted: str | None
    """
    its POST was about to leave
    """
    accepted: str | None
    """
    the provider's task id was known
    """
    progressed: str | None
    """
    the first progress was reported
    """
    ended_there: str | None
    """
    the task's end, by the provider's own clock
    """
    ended: str | None
    """
    the job's end
    """
    called_back: str | None
    """
    the callback that ended it, if one did
    """
    children: str | None
    """
    the jobs that follow it were created
    """
    files: str | None
    """
    its files were stored, or given up
    """
    notified: str | None
    """
    the last of its notifications was delivered
    """


class NewToken(TypedDict):
    """
    A new API token.
    """

    name: str
    scopes: list[Literal["read", "submit", "operate", "admin"]]
    """
    What it may be used for; `admin` includes all others.
    """
    tenant: NotRequired[str | int | None]
    """
    It sees, starts and pays only what belongs to this tenant.
    """
    expires_s: NotRequired[int | None]
    """
    Seconds until its secret expires.
    """
    requests_per_minute: NotRequired[int | None]
    """
    How many requests it may make in a minute.
    """
    budget_per_day: NotRequired[float | None]
    """
    What the jobs submitted on one day (UTC) may cost, in the unit of the prices.
    """


class Notify(TypedDict):
    """
    Where to send notifications (a Celery task or a URL), and on which topics.
    """

    celery_task: NotRequired[str | int | None]
    queue: NotRequired[str | int | None]
    url: NotRequired[str | None]
    on: NotRequired[
        list[Literal["job.progress", "job.succeeded", "job.failed", "pipeline.finished"]] | None
    ]


class Paused(TypedDict):
    """
    What is paused now.
    """

    paused: list[str]
    """
    such as `account:main` and `kind:video`
    """


class PlannedJobs(TypedDict):
    """
    The jobs that one step starts under one parent, and what follows each of them.
    """

    kind: Kind
    words: str
    """
    a prompt, or the buttons
    """
    sort: str
    """
    the key of its price
    """
    times: int
    """
    number of these jobs
    """
    price: float
    """
    of these jobs together
    """
    exact: bool
    """
    false: the buttons are known only later
    """
    children: list[PlannedJobs]


class Problem(TypedDict):
    """
    An error (RFC 9457).
    """

    type: str
    title: str
    status: int
    detail: str
    errors: NotRequired[list[BadField]]


class Purse(TypedDict):
    """
    What was spent, in the unit of the prices. `refunded` is part of `spent`.
    """

    budget: float | None
    """
    null: no limit
    """
    spent: float
    reserved: float
    """
    for submits under way or in doubt
    """
    refunded: float


class Quote(TypedDict):
    """
    What a request would start and cost; nothing was stored.
    """

    tree: PlannedJobs
    jobs: int
    """
    number of jobs in all
    """
    total: float
    """
    on the most expensive account
    """
    exact: bool
    """
    false: there may be more jobs than these
    """
    accounts: dict[str, float]
    """
    the total on each account that may run it
    """


class Reachable(TypedDict):
    """
    Callbacks arrive here.
    """

    status: Literal["ok"]


class Ready(TypedDict):
    """
    Redis and the broker answer.
    """

    status: Literal["ready"]


Reason: TypeAlias = Literal[
    "next",
    "slots",
    "pace",
    "prompt",
    "budget",
    "mode",
    "paused",
    "closed",
    "blind",
    "resting",
    "account",
    "backoff",
    "siblings",
    "function",
    "submit",
    "silent",
    "unanswered",
    "missing",
    "window",
    "in_doubt",
    "held",
    "overdue",
    "files",
    "seed",
]
"""
What holds a job up; more may be added. docs/reliability.md says what each one means.
"""


class Received(TypedDict):
    """
    The outcome of a callback.
    """

    status: Disposition


RefusalReason: TypeAlias = Literal[
    "invalid", "conflict", "unknown_task", "unreadable", "expired", "defect"
]
"""
Why a request was refused.
"""


class Refused(TypedDict):
    """
    A request that was sent as a Celery task and refused; nothing of it was done.
    """

    id: str
    created_at: str
    """
    when it was refused
    """
    reason: RefusalReason
    message: str
    errors: list[BadField]
    """
    the wrong fields, if that is the reason
    """
    task: str | None
    """
    the Celery task's name
    """
    message_id: str | None
    """
    the id that the sender's Celery gave the task
    """
    origin: str | None
    """
    the sender's process and host, as Celery writes it
    """
    args: Any
    """
    positional arguments, as they were sent but shortened
    """
    fields: Any
    """
    keyword arguments, as they were sent but shortened, URLs without their query; text if the message could not be read
    """


class RefusedMessage(TypedDict):
    """
    A request that was sent as a Celery task was refused.
    """

    type: Literal["request.refused"]
    timestamp: str
    """
    when it happened
    """
    data: Refused


class RefusedPage(TypedDict):
    """
    A page of refused requests, newest first.
    """

    items: list[Refused]
    next_cursor: str | None


class Resolve(TypedDict):
    """
    How to resolve a job in doubt; ``task_id`` only with the outcome `accepted`.
    """

    outcome: Literal["resubmit", "failed", "accepted"]
    task_id: NotRequired[str | int | None]


class Retries(TypedDict):
    """
    Automatic retries.
    """

    attempts: int
    """
    submissions in all
    """
    backoff_s: int
    """
    before the second one, then doubled each time
    """
    on: list[str]
    """
    error codes that are retried
    """


class Retry(TypedDict):
    """
    How many attempts a job gets when the provider's task fails, and after which errors.
    """

    attempts: NotRequired[int | None]
    backoff_s: NotRequired[int | None]
    on: NotRequired[list[Literal["queue_full", "no_account", "timeout", "lost", "failed"]] | None]


class Rotation(TypedDict):
    """
    How to replace a token's secret.
    """

    grace_s: NotRequired[int | None]
    expires_s: NotRequired[int | None]
    """
    Seconds until the new secret expires.
    """


Scope: TypeAlias = Literal["read", "submit", "operate", "admin"]
"""
What a token may be used for; ``webhooks.api.scopes`` says which calls each one opens.
"""


class Slots(TypedDict):
    """
    The slots of one pool.
    """

    running: int
    max: int


Speaks: TypeAlias = Literal["accepted", "not_accepted", "nothing"]
"""
What a piece of evidence says of the submit in doubt.
"""


Status: TypeAlias = Literal[
    "queued",
    "submitting",
    "submitted",
    "in_progress",
    "awaiting_modal",
    "in_doubt",
    "overdue",
    "succeeded",
    "failed",
    "cancelled",
    "timed_out",
]
"""
A job's status. Terminal statuses absorb.
"""


class Step(TypedDict):
    """
    What a finished job starts: exactly one action.
    """

    press: NotRequired[str | int | None]
    modal: NotRequired[ModalAnswer | None]
    imagine: NotRequired[str | None]
    describe: NotRequired[bool | None]
    blend: NotRequired[list[str | int] | None]
    dimensions: NotRequired[Literal["PORTRAIT", "SQUARE", "LANDSCAPE"] | None]
    choose: NotRequired[str | int | None]
    retry: NotRequired[Retry | None]
    then: NotRequired[list[Step] | None]


class StoredFile(TypedDict):
    """
    A file in our storage; of a film that was not decoded width and height are not known.
    """

    path: str
    """
    below the storage's root
    """
    type: str
    """
    MIME type, detected from the content
    """
    bytes: int
    sha256: str
    width: int | None
    height: int | None
    of: Literal["picture", "video", "tile", "thumbnail"]


class Submit(TypedDict):
    """
    One POST of the job, as far as it is known.
    """

    number: int
    account: str
    started_at: str
    """
    RFC 3339, UTC
    """
    posted_at: str | None
    """
    when it was about to leave; null: it was not sent
    """
    outcome: str | None
    """
    null: this is the one in doubt
    """
    task_id: str | None
    """
    the accepted task, if it is known
    """
    price: float
    """
    if it was accepted
    """


class Suggestion(TypedDict):
    """
    A job to which the callback may belong.
    """

    job: str
    why: str


class SwapFace(TypedDict):
    """
    The face of one picture in another.
    """

    then: NotRequired[str | list[Step] | None]
    account: NotRequired[str | int | None]
    """
    The account. [default: any with a free slot]
    """
    priority: NotRequired[int | None]
    tenant: NotRequired[str | int | None]
    """
    The tenant; tenants share the slots fairly.
    """
    mode: NotRequired[Literal["fast", "relax", "turbo"] | None]
    """
    The provider's speed.
    """
    deadline_s: NotRequired[int | None]
    retry: NotRequired[Retry | None]
    """
    Submit again when the task fails.
    """
    assets: NotRequired[Literal["off", "grid", "all"] | Assets | None]
    """
    What of the result is stored.
    """
    metadata: NotRequired[dict[str, Any] | None]
    notify: NotRequired[Notify | None]
    """
    Where to send notifications.
    """
    source: str
    target: str
    kind: Literal["swap_face"]


class Taken(TypedDict):
    """
    The outcome of submitting a batch. A row with permutations counts once per job.
    """

    id: str
    name: str
    rows: int
    new: int
    """
    jobs that are new
    """
    known: int
    """
    jobs of an earlier call with this name
    """
    bad: int
    """
    invalid rows
    """
    bad_rows: list[BadRow]
    """
    the first 100
    """


Taking: TypeAlias = Literal["open", "paused", "closed", "blind", "resting"]
"""
Whether an account takes jobs.
"""


class Target(TypedDict):
    """
    The receiver: a webhook at `url`, or a `celery_task`.
    """

    url: str | None
    """
    without its query, which may be a secret
    """
    celery_task: str | None
    queue: str | None
    """
    null: Celery's default
    """


TaskStatus: TypeAlias = Literal[
    "pending", "submitted", "in_progress", "modal", "succeeded", "failed", "cancelled"
]
"""
A task's normalised status.
"""


class TokenLimits(TypedDict):
    """
    How much a token may be used; null: without limit.
    """

    requests_per_minute: int | None
    budget_per_day: float | None
    """
    what the jobs submitted on one day (UTC) may cost, in the unit of the prices
    """


class TokenSecret(TypedDict):
    """
    One of a token's secrets.
    """

    id: str
    """
    tells them apart; not a part of it
    """
    created_at: str
    """
    RFC 3339, UTC
    """
    expires_at: str | None
    """
    null: never
    """


Topic: TypeAlias = Literal[
    "job.progress",
    "job.succeeded",
    "job.failed",
    "pipeline.finished",
    "batch.finished",
    "request.refused",
    "alert.account_closed",
    "alert.old_doubt",
    "alert.budget_low",
    "alert.double_payment",
    "alert.no_worker",
]
"""
What a notification reports: the ``type`` of Standard Webhooks.
"""


TrackingMode: TypeAlias = Literal["callbacks", "mixed", "polling"]
"""
How an account's jobs are tracked.
"""


class Try(TypedDict):
    """
    One attempt to deliver.
    """

    at: str
    """
    RFC 3339, UTC
    """
    outcome: str
    """
    the response's status, or what went wrong
    """


class Upload(TypedDict):
    """
    Pictures to be kept by the provider; their URLs are the result.
    """

    then: NotRequired[str | list[Step] | None]
    account: NotRequired[str | int | None]
    """
    The account. [default: any with a free slot]
    """
    priority: NotRequired[int | None]
    tenant: NotRequired[str | int | None]
    """
    The tenant; tenants share the slots fairly.
    """
    mode: NotRequired[Literal["fast", "relax", "turbo"] | None]
    """
    The provider's speed.
    """
    deadline_s: NotRequired[int | None]
    retry: NotRequired[Retry | None]
    """
    Submit again when the task fails.
    """
    assets: NotRequired[Literal["off", "grid", "all"] | Assets | None]
    """
    What of the result is stored.
    """
    metadata: NotRequired[dict[str, Any] | None]
    notify: NotRequired[Notify | None]
    """
    Where to send notifications.
    """
    images: list[str]
    kind: Literal["upload"]


class Video(TypedDict):
    """
    A film from a picture, or a longer one from a film.
    """

    then: NotRequired[str | list[Step] | None]
    account: NotRequired[str | int | None]
    """
    The account. [default: any with a free slot]
    """
    priority: NotRequired[int | None]
    tenant: NotRequired[str | int | None]
    """
    The tenant; tenants share the slots fairly.
    """
    mode: NotRequired[Literal["fast", "relax", "turbo"] | None]
    """
    The provider's speed.
    """
    deadline_s: NotRequired[int | None]
    retry: NotRequired[Retry | None]
    """
    Submit again when the task fails.
    """
    assets: NotRequired[Literal["off", "grid", "all"] | Assets | None]
    """
    What of the result is stored.
    """
    metadata: NotRequired[dict[str, Any] | None]
    notify: NotRequired[Notify | None]
    """
    Where to send notifications.
    """
    prompt: NotRequired[str | None]
    image: NotRequired[str | None]
    """
    The first picture.
    """
    end_image: NotRequired[str | None]
    """
    The last picture.
    """
    motion: NotRequired[Literal["low", "high"] | None]
    """
    How much moves.
    """
    loop: NotRequired[bool | None]
    """
    End where it began.
    """
    video_type: NotRequired[Literal["vid_1.1_i2v_480", "vid_1.1_i2v_720"] | None]
    """
    The provider's model.
    """
    batch_size: NotRequired[int | None]
    """
    How many films.
    """
    job_id: NotRequired[str | int | None]
    task_id: NotRequired[str | int | None]
    index: NotRequired[int | None]
    """
    The film to extend.
    """
    kind: Literal["video"]


class Waiting(TypedDict):
    """
    What holds a job up, until when, and what a person can do.
    """

    reason: Reason
    message: str
    until: str | None
    """
    when it changes by itself, if known
    """
    commands: list[str]
    """
    what a person may type to end it
    """


What: TypeAlias = Literal[
    "created",
    "taken",
    "posted",
    "replied",
    "callback",
    "polled",
    "missing",
    "not_listed",
    "time_passed",
    "released",
    "siblings",
    "called",
    "chosen",
    "not_chosen",
    "cancelled",
    "retried",
    "resolved",
    "answered",
    "files",
    "files_delayed",
    "files_wanted",
    "links_renewed",
    "seed",
    "charged",
    "notified",
]
"""
What happened.
"""


class AccountState(TypedDict):
    """
    Whether an account takes jobs; if not, why, until when, and what to do.
    """

    name: Taking
    why: str | None
    until: str | None
    """
    when a single job tries it; null: it takes jobs, or is tried once it answers
    """
    hint: str | None


class Action(TypedDict):
    """
    A button of a finished job or task; `press` is the short form.
    """

    then: NotRequired[str | list[Step] | None]
    account: NotRequired[str | int | None]
    """
    The account. [default: any with a free slot]
    """
    priority: NotRequired[int | None]
    tenant: NotRequired[str | int | None]
    """
    The tenant; tenants share the slots fairly.
    """
    mode: NotRequired[Literal["fast", "relax", "turbo"] | None]
    """
    The provider's speed.
    """
    deadline_s: NotRequired[int | None]
    retry: NotRequired[Retry | None]
    """
    Submit again when the task fails.
    """
    assets: NotRequired[Literal["off", "grid", "all"] | Assets | None]
    """
    What of the result is stored.
    """
    metadata: NotRequired[dict[str, Any] | None]
    notify: NotRequired[Notify | None]
    """
    Where to send notifications.
    """
    seed: NotRequired[bool | None]
    job_id: NotRequired[str | int | None]
    task_id: NotRequired[str | int | None]
    button: NotRequired[str | int | None]
    """
    Its name, label or emoji.
    """
    custom_id: NotRequired[str | int | None]
    """
    The provider's own id of it.
    """
    kind: Literal["action"]


class Alert(TypedDict):
    """
    Something that needs a person, when it began and when it ended.
    """

    kind: AlertKind
    about: str
    """
    the account, or the budget's scope; empty: all of it
    """
    state: AlertState
    since: str
    """
    RFC 3339, UTC
    """
    until: str | None
    """
    null: it lasts
    """
    message: str
    advice: str
    """
    what to do about it
    """


class AlertMessage(TypedDict):
    """
    Something that needs a person began, or ended; see HOOKLINE_ALERT_URL.
    """

    type: Literal[
        "alert.account_closed",
        "alert.old_doubt",
        "alert.budget_low",
        "alert.double_payment",
        "alert.no_worker",
    ]
    timestamp: str
    """
    when it happened
    """
    data: Alert


class AssetsRetry(TypedDict):
    """
    Why the files are not stored yet, and how it goes on.
    """

    error: JobError
    """
    of the last try
    """
    tries: int
    next_at: str
    """
    RFC 3339, UTC
    """
    ends_at: str
    """
    when they are given up
    """


class Audit(TypedDict):
    """
    A page of the audit trail, newest first.
    """

    items: list[AuditEntry]
    next_cursor: str | None


class Batch(TypedDict):
    """
    One batch, with its invalid rows.
    """

    id: str
    name: str
    created_at: str
    """
    RFC 3339, UTC
    """
    status: Literal["running", "paused", "finished"]
    """
    `finished`: all jobs so far are over
    """
    rows: int
    """
    root jobs
    """
    bad: int
    """
    invalid rows of the last file
    """
    counts: dict[str, int]
    """
    a number per status, and `total`; follow-ups included
    """
    errors: dict[str, int]
    """
    jobs that failed, by error code
    """
    planned: int
    """
    expected number of jobs in the end
    """
    tenant: str | None
    """
    whose token submitted it; null: the operator's own
    """
    cost: BatchCost
    bad_rows: list[BadRow]
    """
    the first 100
    """


class BatchMessage(TypedDict):
    """
    All jobs of a batch are over, their files stored or failed for good.
    """

    type: Literal["batch.finished"]
    timestamp: str
    """
    when it happened
    """
    data: Batch


class Batches(TypedDict):
    """
    The newest batches, newest first.
    """

    items: list[ListedBatch]


class Blend(TypedDict):
    """
    One picture of two to five.
    """

    then: NotRequired[str | list[Step] | None]
    account: NotRequired[str | int | None]
    """
    The account. [default: any with a free slot]
    """
    priority: NotRequired[int | None]
    tenant: NotRequired[str | int | None]
    """
    The tenant; tenants share the slots fairly.
    """
    mode: NotRequired[Literal["fast", "relax", "turbo"] | None]
    """
    The provider's speed.
    """
    deadline_s: NotRequired[int | None]
    retry: NotRequired[Retry | None]
    """
    Submit again when the task fails.
    """
    assets: NotRequired[Literal["off", "grid", "all"] | Assets | None]
    """
    What of the result is stored.
    """
    metadata: NotRequired[dict[str, Any] | None]
    notify: NotRequired[Notify | None]
    """
    Where to send notifications.
    """
    seed: NotRequired[bool | None]
    bot_type: NotRequired[Literal["MID_JOURNEY", "NIJI_JOURNEY"] | None]
    """
    Which bot.
    """
    images: list[str]
    dimensions: NotRequired[Literal["PORTRAIT", "SQUARE", "LANDSCAPE"] | None]
    """
    The shape.
    """
    kind: Literal["blend"]


class BoundTo(TypedDict):
    """
    That a person bound the callback to a job, and what that changed.
    """

    job: str
    by: str
    """
    a token's name, or `cli`, `python`
    """
    at: str
    """
    RFC 3339, UTC
    """
    outcome: Disposition


class Change(TypedDict):
    """
    Upscale, variation or reroll, for providers without buttons.
    """

    then: NotRequired[str | list[Step] | None]
    account: NotRequired[str | int | None]
    """
    The account. [default: any with a free slot]
    """
    priority: NotRequired[int | None]
    tenant: NotRequired[str | int | None]
    """
    The tenant; tenants share the slots fairly.
    """
    mode: NotRequired[Literal["fast", "relax", "turbo"] | None]
    """
    The provider's speed.
    """
    deadline_s: NotRequired[int | None]
    retry: NotRequired[Retry | None]
    """
    Submit again when the task fails.
    """
    assets: NotRequired[Literal["off", "grid", "all"] | Assets | None]
    """
    What of the result is stored.
    """
    metadata: NotRequired[dict[str, Any] | None]
    notify: NotRequired[Notify | None]
    """
    Where to send notifications.
    """
    seed: NotRequired[bool | None]
    action: Literal["UPSCALE", "VARIATION", "REROLL"]
    """
    What to do.
    """
    index: NotRequired[int | None]
    """
    The picture of the grid.
    """
    job_id: NotRequired[str | int | None]
    task_id: NotRequired[str | int | None]
    kind: Literal["change"]


class Delivery(TypedDict):
    """
    A notification to a caller's program, and its outcome.
    """

    id: str
    """
    the `webhook-id`, the same for every try
    """
    topic: Topic
    subject: str
    """
    id of the job, pipeline, batch or refusal, or what an alert is about
    """
    target: Target
    state: DeliveryState
    created_at: str
    """
    RFC 3339, UTC
    """
    due_at: str | None
    """
    of the next try, once earlier deliveries are over
    """
    failures: int
    """
    since it was created or replayed
    """
    tries: list[Try]
    """
    the last ones
    """


class Describe(TypedDict):
    """
    Prompts from a picture.
    """

    then: NotRequired[str | list[Step] | None]
    account: NotRequired[str | int | None]
    """
    The account. [default: any with a free slot]
    """
    priority: NotRequired[int | None]
    tenant: NotRequired[str | int | None]
    """
    The tenant; tenants share the slots fairly.
    """
    mode: NotRequired[Literal["fast", "relax", "turbo"] | None]
    """
    The provider's speed.
    """
    deadline_s: NotRequired[int | None]
    retry: NotRequired[Retry | None]
    """
    Submit again when the task fails.
    """
    assets: NotRequired[Literal["off", "grid", "all"] | Assets | None]
    """
    What of the result is stored.
    """
    metadata: NotRequired[dict[str, Any] | None]
    notify: NotRequired[Notify | None]
    """
    Where to send notifications.
    """
    bot_type: NotRequired[Literal["MID_JOURNEY", "NIJI_JOURNEY"] | None]
    """
    Which bot.
    """
    image: str
    """
    The picture.
    """
    kind: Literal["describe"]


class Edits(TypedDict):
    """
    A picture changed by words, everywhere or where the mask is.
    """

    then: NotRequired[str | list[Step] | None]
    account: NotRequired[str | int | None]
    """
    The account. [default: any with a free slot]
    """
    priority: NotRequired[int | None]
    tenant: NotRequired[str | int | None]
    """
    The tenant; tenants share the slots fairly.
    """
    mode: NotRequired[Literal["fast", "relax", "turbo"] | None]
    """
    The provider's speed.
    """
    deadline_s: NotRequired[int | None]
    retry: NotRequired[Retry | None]
    """
    Submit again when the task fails.
    """
    assets: NotRequired[Literal["off", "grid", "all"] | Assets | None]
    """
    What of the result is stored.
    """
    metadata: NotRequired[dict[str, Any] | None]
    notify: NotRequired[Notify | None]
    """
    Where to send notifications.
    """
    seed: NotRequired[bool | None]
    prompt: str
    image: str
    """
    The picture.
    """
    mask: NotRequired[str | None]
    kind: Literal["edits"]


class Evidence(TypedDict):
    """
    Something that may settle the doubt.
    """

    of: str
    """
    `callbacks`, `proofs`, `list` or `inbox`
    """
    speaks: Speaks
    message: str


class HistoryEntry(TypedDict):
    """
    One thing that happened. What does not apply, or did not change, is left out.
    """

    at: str
    """
    RFC 3339, UTC
    """
    what: What
    text: str
    """
    the entry in a sentence, for people
    """
    status: NotRequired[Status | None]
    """
    the job's new one
    """
    progress: NotRequired[int | None]
    attempt: NotRequired[int | None]
    """
    the number of the one that this is about
    """
    account: NotRequired[str | None]
    """
    that took the job
    """
    task_id: NotRequired[str | None]
    """
    that is followed from now on
    """
    outcome: NotRequired[str | None]
    """
    of a submit, of the job's files, or of a try to deliver
    """
    http_status: NotRequired[int | None]
    """
    of the provider's reply
    """
    provider_code: NotRequired[int | None]
    """
    `code` of the provider's reply
    """
    error: NotRequired[str | None]
    """
    an error code
    """
    message: NotRequired[str | None]
    body: NotRequired[str | None]
    """
    the beginning of what the provider said
    """
    reported_at: NotRequired[str | None]
    """
    the task's end, by the provider's own clock
    """
    due_at: NotRequired[str | None]
    """
    when it continues
    """
    children: NotRequired[list[str] | None]
    """
    the jobs that started with it; at most twenty are named
    """
    more_children: NotRequired[int | None]
    """
    further ones
    """
    notifications: NotRequired[list[str] | None]
    """
    ids of deliveries
    """
    paid_twice: NotRequired[list[str] | None]
    """
    tasks that turned out to be double payments
    """


class Imagine(TypedDict):
    """
    A picture from words, and from pictures as a reference.
    """

    then: NotRequired[str | list[Step] | None]
    account: NotRequired[str | int | None]
    """
    The account. [default: any with a free slot]
    """
    priority: NotRequired[int | None]
    tenant: NotRequired[str | int | None]
    """
    The tenant; tenants share the slots fairly.
    """
    mode: NotRequired[Literal["fast", "relax", "turbo"] | None]
    """
    The provider's speed.
    """
    deadline_s: NotRequired[int | None]
    retry: NotRequired[Retry | None]
    """
    Submit again when the task fails.
    """
    assets: NotRequired[Literal["off", "grid", "all"] | Assets | None]
    """
    What of the result is stored.
    """
    metadata: NotRequired[dict[str, Any] | None]
    notify: NotRequired[Notify | None]
    """
    Where to send notifications.
    """
    seed: NotRequired[bool | None]
    bot_type: NotRequired[Literal["MID_JOURNEY", "NIJI_JOURNEY"] | None]
    """
    Which bot.
    """
    prompt: str
    images: NotRequired[list[str] | None]
    kind: Literal["imagine"]


class IssuedToken(TypedDict):
    """
    A token and its new secret.
    """

    name: str
    scopes: list[Scope]
    """
    `admin` includes all others
    """
    tenant: str | None
    """
    it sees and pays only as this one; null: for all
    """
    limits: TokenLimits
    created_at: str
    """
    RFC 3339, UTC
    """
    secrets: list[TokenSecret]
    """
    the newest first
    """
    token: str
    """
    for the header Authorization; it is not shown again
    """


class KeptCallback(TypedDict):
    """
    A callback of a provider. Of several alike it is the newest.
    """

    id: str
    at: str
    """
    when it came, the newest of those alike
    """
    verdict: CallbackVerdict
    why: str | None
    """
    why it was refused
    """
    count: int
    """
    how many alike came
    """
    account: str | None
    """
    if its token names one
    """
    job: str | None
    """
    the one that its token names
    """
    attempt: int | None
    task_id: str | None
    """
    the provider's, as its body says
    """
    status: TaskStatus | None
    """
    the task's, as its body says
    """
    progress: int | None
    bound: BoundTo | None
    """
    null: to no job
    """


class Modal(TypedDict):
    """
    Answer a window; the job that waits for it continues.
    """

    then: NotRequired[str | list[Step] | None]
    account: NotRequired[str | int | None]
    """
    The account. [default: any with a free slot]
    """
    priority: NotRequired[int | None]
    tenant: NotRequired[str | int | None]
    """
    The tenant; tenants share the slots fairly.
    """
    mode: NotRequired[Literal["fast", "relax", "turbo"] | None]
    """
    The provider's speed.
    """
    deadline_s: NotRequired[int | None]
    retry: NotRequired[Retry | None]
    """
    Submit again when the task fails.
    """
    assets: NotRequired[Literal["off", "grid", "all"] | Assets | None]
    """
    What of the result is stored.
    """
    metadata: NotRequired[dict[str, Any] | None]
    notify: NotRequired[Notify | None]
    """
    Where to send notifications.
    """
    seed: NotRequired[bool | None]
    job_id: NotRequired[str | int | None]
    task_id: NotRequired[str | int | None]
    prompt: NotRequired[str | None]
    """
    The new prompt.
    """
    mask: NotRequired[str | None]
    kind: Literal["modal"]


class Pools(TypedDict):
    """
    Videos have slots of their own.
    """

    image: Slots
    video: Slots


class Press(TypedDict):
    """
    A manual follow-up.
    """

    button: str | int
    modal: NotRequired[ModalAnswer | None]
    then: NotRequired[str | list[Step] | None]


class Result(TypedDict):
    """
    What the provider has delivered so far.
    """

    image_url: str | None
    image_urls: list[str]
    prompt: str | None
    """
    the final prompt, as the provider ran it
    """
    prompts: list[str]
    """
    of a describe or shorten, without numbering
    """
    text: str | None
    buttons: list[Button]
    video_urls: list[str]
    assets: list[str]
    """
    our copies, below the storage's root
    """
    assets_status: AssetsStatus
    seed: str | None
    """
    of the image; null until it is known
    """
    seed_error: str | None
    """
    why there is no seed
    """
    assets_error: JobError | None
    """
    why the files, or some of them, were not stored
    """
    assets_retry: AssetsRetry | None
    """
    while `assets_status` is pending, after a failed try
    """
    files: list[StoredFile]
    """
    the stored files with their details, tiles and thumbnails included
    """


class Retexture(TypedDict):
    """
    The same shapes in another look.
    """

    then: NotRequired[str | list[Step] | None]
    account: NotRequired[str | int | None]
    """
    The account. [default: any with a free slot]
    """
    priority: NotRequired[int | None]
    tenant: NotRequired[str | int | None]
    """
    The tenant; tenants share the slots fairly.
    """
    mode: NotRequired[Literal["fast", "relax", "turbo"] | None]
    """
    The provider's speed.
    """
    deadline_s: NotRequired[int | None]
    retry: NotRequired[Retry | None]
    """
    Submit again when the task fails.
    """
    assets: NotRequired[Literal["off", "grid", "all"] | Assets | None]
    """
    What of the result is stored.
    """
    metadata: NotRequired[dict[str, Any] | None]
    notify: NotRequired[Notify | None]
    """
    Where to send notifications.
    """
    seed: NotRequired[bool | None]
    prompt: str
    image: str
    """
    The picture.
    """
    kind: Literal["retexture"]


class Shorten(TypedDict):
    """
    A shorter prompt.
    """

    then: NotRequired[str | list[Step] | None]
    account: NotRequired[str | int | None]
    """
    The account. [default: any with a free slot]
    """
    priority: NotRequired[int | None]
    tenant: NotRequired[str | int | None]
    """
    The tenant; tenants share the slots fairly.
    """
    mode: NotRequired[Literal["fast", "relax", "turbo"] | None]
    """
    The provider's speed.
    """
    deadline_s: NotRequired[int | None]
    retry: NotRequired[Retry | None]
    """
    Submit again when the task fails.
    """
    assets: NotRequired[Literal["off", "grid", "all"] | Assets | None]
    """
    What of the result is stored.
    """
    metadata: NotRequired[dict[str, Any] | None]
    notify: NotRequired[Notify | None]
    """
    Where to send notifications.
    """
    bot_type: NotRequired[Literal["MID_JOURNEY", "NIJI_JOURNEY"] | None]
    """
    Which bot.
    """
    prompt: str
    kind: Literal["shorten"]


class Token(TypedDict):
    """
    What an API token may be used for.
    """

    name: str
    scopes: list[Scope]
    """
    `admin` includes all others
    """
    tenant: str | None
    """
    it sees and pays only as this one; null: for all
    """
    limits: TokenLimits
    created_at: str
    """
    RFC 3339, UTC
    """
    secrets: list[TokenSecret]
    """
    the newest first
    """


class Tokens(TypedDict):
    """
    All tokens, by name.
    """

    items: list[Token]


class Told(TypedDict):
    """
    The receiver, and its topics.
    """

    url: str | None
    """
    without its query, which may be a secret
    """
    celery_task: str | None
    queue: str | None
    """
    null: Celery's default
    """
    on: list[Topic]


class Tracking(TypedDict):
    """
    How the account's results arrived so far.
    """

    mode: TrackingMode
    """
    how the ends of jobs arrive
    """
    why: str
    """
    the mode, in words
    """
    callbacks: int
    """
    that changed a job
    """
    with_state: int
    """
    of them, those that carried our `state`
    """
    told: int
    """
    ends that arrived by callback
    """
    asked: int
    """
    ends that had to be polled
    """
    lag_s: float | None
    """
    mean time between two updates of a job
    """
    receiving_since: str | None
    """
    since when no callback was missed, as proofs show; null: they do not come back
    """
    receiving_trouble: str | None
    """
    why proofs do not come back, so that silence about a job proves nothing
    """
    called_back_at: str | None


class WholeCallback(TypedDict):
    """
    A callback with its body, and the jobs to which it may belong.
    """

    id: str
    at: str
    """
    when it came, the newest of those alike
    """
    verdict: CallbackVerdict
    why: str | None
    """
    why it was refused
    """
    count: int
    """
    how many alike came
    """
    account: str | None
    """
    if its token names one
    """
    job: str | None
    """
    the one that its token names
    """
    attempt: int | None
    task_id: str | None
    """
    the provider's, as its body says
    """
    status: TaskStatus | None
    """
    the task's, as its body says
    """
    progress: int | None
    bound: BoundTo | None
    """
    null: to no job
    """
    body: str
    """
    as it came, without tokens
    """
    cut: bool
    """
    whether only the beginning of the body was kept
    """
    bindable: bool
    """
    whether it may be bound to a job
    """
    suggestions: list[Suggestion]


class Account(TypedDict):
    """
    One provider address and key, and how it stands.
    """

    name: str
    url: str
    dialect: str
    """
    as set, or as learnt from its replies; else `auto`
    """
    max_running: int
    running: int
    """
    jobs that hold a slot
    """
    ready: int
    """
    jobs that wait for a slot of this account
    """
    slots: Pools
    believed_limit: int | None
    """
    jobs at once, while it is believed to take fewer than set
    """
    state: AccountState
    error_rate: float
    """
    share of submits that failed, recent ones counting most
    """
    money: Purse
    in_doubt: int
    double_payments: int
    """
    jobs that were paid for twice
    """
    delivery: Tracking
    balance: NotRequired[Balance | None]
    """
    missing: not known, or no gateway
    """
    ledger: NotRequired[LedgerState | None]
    """
    missing: none is read
    """
    lacks: NotRequired[list[str]]
    """
    calls that its provider does not have, such as `submit/retexture`
    """


class Accounts(TypedDict):
    """
    All accounts.
    """

    items: list[Account]
    ready_anywhere: int
    """
    ready jobs that any account may take
    """
    budgets: list[Budget]
    """
    of the day, and of tenants by name
    """
    paused: list[str]
    """
    all that is paused, such as `kind:video`
    """
    ended: dict[str, int]
    """
    jobs ever, by the status they ended in
    """


class Deliveries(TypedDict):
    """
    A page of deliveries, newest first.
    """

    items: list[Delivery]
    next_cursor: str | None


class History(TypedDict):
    """
    What happened to a job, oldest first.
    """

    job_id: str
    items: list[HistoryEntry]
    left_out: int
    """
    entries in the middle of a long history, not kept
    """
    times: Moments


class InboxPage(TypedDict):
    """
    A page of callbacks, newest first.
    """

    items: list[KeptCallback]
    next_cursor: str | None


class Job(TypedDict):
    """
    One submission to the provider.
    """

    id: str
    kind: Kind
    status: Status
    progress: int | None
    account: str | None
    task_id: str | None
    """
    the provider's
    """
    parent_id: str | None
    pipeline_id: str
    waits_for: list[str]
    """
    the jobs whose results it needs
    """
    batch_id: str | None
    priority: int
    tenant: str | None
    retry: Retries | None
    seed: bool
    """
    whether the image's seed is fetched
    """
    notify: Told | None
    """
    null: the account's receiver, if any
    """
    assets: Keep
    """
    which files of the result are stored
    """
    request: dict[str, Any]
    """
    the kind's own fields, as submitted
    """
    then: list[dict[str, Any]]
    """
    the follow-ups, as submitted
    """
    result: Result
    error: JobError | None
    attempts: list[Attempt]
    double_payments: list[DoublePayment]
    cost: JobCost
    metadata: dict[str, Any]
    created_at: str
    """
    RFC 3339, UTC
    """
    submitted_at: str | None
    finished_at: str | None
    waiting: NotRequired[Waiting | None]
    """
    what holds it up; only in the answer to a GET of the job
    """


class JobMessage(TypedDict):
    """
    A change of a job; ``data`` is the job when this was sent.
    """

    type: Literal["job.progress", "job.succeeded", "job.failed"]
    timestamp: str
    """
    when it happened
    """
    data: Job


class Page(TypedDict):
    """
    Some jobs, newest first. A page may be short although a cursor follows.
    """

    items: list[Job]
    next_cursor: str | None


class Pipeline(TypedDict):
    """
    A root job and its descendants, parents before children.
    """

    id: str
    status: Literal["open", "succeeded", "failed", "partly_failed"]
    counts: dict[str, int]
    """
    a number per status, and `total`
    """
    jobs: list[Job]


class ToldPipeline(TypedDict):
    """
    A pipeline as a message has it.
    """

    id: str
    status: Literal["open", "succeeded", "failed", "partly_failed"]
    counts: dict[str, int]
    """
    a number per status, and `total`
    """
    jobs: list[Job] | None
    """
    null where the message would be above 256 KiB
    """


class DoubtfulJob(TypedDict):
    """
    A job in doubt; `POST /v1/jobs/{id}/resolve` ends that, or binding a callback.
    """

    id: str
    job: Job
    submits: list[Submit]
    """
    in their order
    """
    evidence: list[Evidence]
    callbacks: list[KeptCallback]
    """
    foreign ones since the POST that may be about it
    """
    waiting: Waiting | None
    """
    what happens next
    """


class Doubts(TypedDict):
    """
    A page of jobs in doubt, newest first.
    """

    items: list[DoubtfulJob]
    next_cursor: str | None


class Items(TypedDict):
    """
    Several jobs.
    """

    items: list[Job]


class PipelineMessage(TypedDict):
    """
    A job and its descendants are over, their files stored or failed for good.
    """

    type: Literal["pipeline.finished"]
    timestamp: str
    """
    when it happened
    """
    data: ToldPipeline


NewJob: TypeAlias = (
    Imagine
    | Blend
    | Describe
    | Action
    | Modal
    | Shorten
    | Change
    | Edits
    | Retexture
    | Video
    | SwapFace
    | Upload
)
"""A request, by its `kind`."""

Notification: TypeAlias = JobMessage | PipelineMessage | BatchMessage | RefusedMessage
"""What a receiver gets, by its `type`."""
