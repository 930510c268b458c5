"""Taking a submission: read, check, accept, answer; the faults strike in between."""

from __future__ import annotations

import itertools
import time
from dataclasses import replace
from typing import Any

from flask import request

from worker.sandbox.answers import BANNED, envelope
from worker.sandbox.base import Answered, Dialect
from worker.sandbox.desk import Desk
from worker.sandbox.engine import Engine
from worker.sandbox.faults import Case, Faults
from worker.sandbox.gallery import Gallery
from worker.sandbox.inputs import Body, Malformed
from worker.sandbox.ledger import Stats
from worker.sandbox.model import Order, Refused, Reply, Task
from worker.sandbox.options import SandboxOptions
from worker.sandbox.pressing import modal
from worker.sandbox.submits import ORDERS

_MAX_HOOK = 2000


class Cut(Exception):
    """The connection is to be closed without an answer."""


class Reception:
    """Takes the submissions of one sandbox."""

    def __init__(
        self,
        options: SandboxOptions,
        dialect: Dialect,
        engine: Engine,
        gallery: Gallery,
        stats: Stats,
    ) -> None:
        self._options = options
        self._dialect = dialect
        self._engine = engine
        self._gallery = gallery
        self._stats = stats
        self._desk = Desk(engine, dialect, options, gallery.keep)
        self._faults = Faults(options, stats)
        self._numbers = itertools.count(1)

    def submit(self, path: str, mode: str | None) -> Reply:
        """Answer one submission; raises `Cut` where no answer is to be given."""
        case = Case(path, next(self._numbers), self._dialect, self._options)
        try:
            reply = self._take(case, self._body(), mode)
        except Answered as early:
            reply = early.reply
            self._stats.count(f"http {reply.status}", "refusals")
        except Malformed:
            reply = self._dialect.malformed()
            self._stats.count("malformed", "refusals")
        except Refused as refusal:
            reply = self._dialect.refused(refusal, path)
            self._stats.count(refusal.reason, "refusals")
        time.sleep(case.delay)
        if case.cut:
            raise Cut
        return reply

    def _take(self, case: Case, body: Body, mode: str | None) -> Reply:
        self._dialect.check(case.path, body.fields)
        self._check_lengths(body)
        if case.path == "upload-discord-images":
            return self._upload(case, body)
        window, order = self._order(case.path, body)
        order = self._moderated(_dressed(order, body, mode))
        self._before(case)
        if window is not None:
            tasks, ahead = self._engine.answer_window(window, order)
            reply = self._dialect.accepted(tasks, ahead)
        elif order.opens_window:
            tasks = (self._engine.open_window(order),)
            reply = self._dialect.window(tasks[0])
        else:
            tasks, ahead = self._engine.accept(order)
            reply = self._dialect.accepted(tasks, ahead)
        return self._after(case, reply, tasks)

    def _order(self, path: str, body: Body) -> tuple[Task | None, Order]:
        if path == "modal":
            return modal(self._desk, body)
        return None, ORDERS[path](self._desk, body)

    def _upload(self, case: Case, body: Body) -> Reply:
        given = body.pictures("base64Array")
        if not given:
            raise Refused("image_missing")
        if not all(picture.readable for picture in given):
            raise Refused("image_invalid")
        self._before(case)
        self._engine.record("upload", body.text("state") or None)
        urls = [self._gallery.keep(picture) for picture in given]
        return self._after(case, Reply(envelope(1, "提交成功", urls)), ())

    def _before(self, case: Case) -> None:
        self._faults.before(case)
        if case.reply is not None:
            raise Answered(case.reply)

    def _after(self, case: Case, reply: Reply, tasks: tuple[Task, ...]) -> Reply:
        case.tasks = tasks
        self._faults.after(case)
        return case.reply or reply

    def _body(self) -> Body:
        fields: Any = self._dialect.unread()
        if request.mimetype == "application/json":
            fields = request.get_json(silent=True)
        elif fields is None:
            raise Answered(Reply(None, 415))
        if not isinstance(fields, dict):
            raise Malformed("body")
        return Body(fields, self._gallery.find, data_urls_only=self._dialect.data_urls_only)

    def _check_lengths(self, body: Body) -> None:
        limit = self._dialect.max_state
        if limit is not None and (
            len(body.text("state")) > limit or len(body.text("notifyHook")) > _MAX_HOOK
        ):
            raise Refused("too_long")

    def _moderated(self, order: Order) -> Order:
        """Some refuse a banned word at once, others accept and fail later (protocol: codes)."""
        word = next((w for w in self._options.banned if w in order.final_prompt.lower()), None)
        if word is None:
            return order
        self._stats.count("banned")
        if self._dialect.bans_at_once and order.kind == "imagine":
            raise Refused("banned", {"promptEn": order.prompt, "bannedWord": word})
        return replace(order, doom=BANNED)


def _dressed(order: Order, body: Body, mode: str | None) -> Order:
    """The order with the fields that all submissions share."""
    state = body.text("state") if body.fields.get("state") is not None else None
    bot = "NIJI_JOURNEY" if body.text("botType").lower().startswith("niji") else "MID_JOURNEY"
    hook = body.text("notifyHook") or None
    # Tasks of one press are told apart by their state, and nobody is called about them.
    copies = tuple(
        replace(copy, state=f"{state or ''}::{n}", mode=mode, bot=bot, custom_id=order.custom_id)
        for n, copy in enumerate(order.copies, 1)
    )
    return replace(order, state=state, hook=hook, mode=mode, bot=bot, copies=copies)
