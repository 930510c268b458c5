"""POST submit/...: read, check, accept, reply; faults occur in between."""

import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from flask import request

from worker.sandbox import followups, orders
from worker.sandbox.dialects.base import REFUSALS, envelope
from worker.sandbox.environment import Environment
from worker.sandbox.models import Order, Refused, Reply
from worker.sandbox.request_body import Body
from worker.sandbox.routes.pictures import Pictures
from worker.sandbox.tasks import Tasks

_MAX_HOOK = 2000
#: Endpoint -> the function that builds its orders; modals and uploads have none.
_ORDERS: dict[str, Callable[[orders.Context, Body], Order]] = {
    "imagine": orders.imagine,
    "blend": orders.blend,
    "describe": orders.describe,
    "shorten": orders.shorten,
    "action": followups.action,
    "change": followups.change,
    "simple-change": followups.simple_change,
    "edits": orders.edits,
    "edit": orders.edits,
    "retexture": orders.retexture,
    "video": orders.video,
    "swap": orders.swap,
}


class Submissions:
    """Takes the submissions of one sandbox."""

    def __init__(self, env: Environment, tasks: Tasks, pictures: Pictures) -> None:
        self._env = env
        self._dialect = env.dialect
        self._tasks = tasks
        self._pictures = pictures
        self._context = orders.Context(env, tasks, pictures.keep)
        self._numbers = itertools.count(1)

    def submit(self, name: str) -> Reply:
        """Reply to one submission to the endpoint `name`."""
        try:
            return self._take(name, next(self._numbers), self._body())
        except Refused as refusal:
            self._env.stats.count(refusal.reason, "refusals")
            return refusal.reply or self._dialect.refused(refusal, name)

    def _take(self, name: str, number: int, body: Body) -> Reply:
        self._dialect.check(name, body.fields)
        self._check_lengths(body)
        if name == "upload-discord-images":
            return self._upload(name, number, body)
        waiting = None
        if name == "modal":
            waiting, order = followups.modal(self._context, body)
        else:
            order = _ORDERS[name](self._context, body)
        order = self._moderated(_with_common_fields(order, body, self._mode()))
        self._fail_early(name, number)
        if waiting is None and order.opens_modal:
            task = self._tasks.open_modal(order)
            return self._env.faults.after_accept(self._dialect.modal(task), number, (task,))
        if waiting is None:
            tasks, ahead = self._tasks.accept(order)
        else:
            tasks, ahead = self._tasks.answer_modal(waiting, order)
        return self._env.faults.after_accept(self._dialect.accepted(tasks, ahead), number, tasks)

    def _upload(self, name: str, number: int, body: Body) -> Reply:
        given = body.pictures("base64Array")
        if not given:
            raise Refused("image_missing")
        if not all(picture.readable for picture in given):
            raise Refused("image_invalid")
        self._fail_early(name, number)
        self._env.ledger.add(None, "upload", body.text("state") or None, "")
        self._env.books.charge(None)
        urls = [self._pictures.keep(picture) for picture in given]
        return self._env.faults.after_accept(envelope(1, "提交成功", urls), number, ())

    def _fail_early(self, name: str, number: int) -> None:
        reply = self._env.faults.before_accept(name, number)
        if reply is not None:
            raise Refused(f"http {reply.status}", reply=reply)

    def _body(self) -> Body:
        fields: Any = {} if self._dialect.ignores_other_bodies else None
        if request.mimetype == "application/json":
            fields = request.get_json(silent=True)
        elif fields is None:
            raise Refused("http 415", reply=Reply(None, 415))
        if not isinstance(fields, dict):
            raise Refused("malformed")
        return Body(fields, self._pictures.find, data_urls_only=self._dialect.data_urls_only)

    def _mode(self) -> str | None:
        prefix: str = (request.view_args or {}).get("prefix", "")
        return prefix.removeprefix("mj-") if prefix in self._dialect.prefixes else None

    def _check_lengths(self, body: Body) -> None:
        limit = self._dialect.max_state
        if limit is not None and (
            len(body.text("state")) > limit or len(body.text("notifyHook")) > _MAX_HOOK
        ):
            raise Refused("too_long")

    def _moderated(self, order: Order) -> Order:
        """Some refuse a banned word at once, others accept and fail later."""
        word = next((w for w in self._env.options.banned if w in order.final_prompt.lower()), None)
        if word is None:
            return order
        self._env.stats.count("banned")
        if self._dialect.refuses_banned_words and order.kind == "imagine":
            raise Refused("banned", {"promptEn": order.prompt, "bannedWord": word})
        return replace(order, failure=REFUSALS["banned"][2])


def _with_common_fields(order: Order, body: Body, mode: str | None) -> Order:
    """The order with the fields that all submissions share."""
    state = body.text("state") if body.fields.get("state") is not None else None
    bot = "NIJI_JOURNEY" if body.text("botType").lower().startswith("niji") else "MID_JOURNEY"
    # Tasks of one press are distinguished by their state, and have no callbacks.
    copies = tuple(
        replace(copy, state=f"{state or ''}::{n}", mode=mode, bot=bot, custom_id=order.custom_id)
        for n, copy in enumerate(order.copies, 1)
    )
    hook = body.text("notifyHook") or None
    return replace(order, state=state, hook=hook, mode=mode, bot=bot, copies=copies)
