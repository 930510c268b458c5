"""SHELL. The calls to one provider.

A submit is never repeated here, and network errors become a verdict instead of an exception.
Whether the job may have been accepted depends on how much of the request reached the connection,
not on the exception: a TLS error, for example, looks the same before the request and in the middle
of the reply. A provider cannot accept a JSON body whose end it did not receive.

Reads cost nothing, may be repeated, and raise ``ProviderUnavailable`` if a repeat can help.
"""

import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from email.utils import parsedate_to_datetime
from time import time
from typing import Any
from urllib.parse import quote

import requests

from config.proxies import DIRECT, Proxies
from worker.adapters.http.authorities import load_authorities
from worker.adapters.http.deadline import within
from worker.adapters.http.session import Connections, new_session
from worker.adapters.provider.dialect import guess_dialect
from worker.adapters.provider.payloads import Submission, address
from worker.adapters.provider.redirects import ELSEWHERE, redirect_words
from worker.adapters.provider.replies import (
    front_away,
    no_such_call,
    read_late,
    read_reply,
    read_seed,
    read_transport_error,
)
from worker.adapters.provider.snapshots import MAX_ROWS, read_fetch, read_task, read_tasks
from worker.adapters.provider.transport import TROUBLE, Body, Key, body_of, written
from worker.adapters.provider.unknown_path import NO_JSON, Answer, is_page, lacks_call, title_of
from worker.adapters.provider.wire import UNREADABLE, read_json, whole, words_of
from worker.domain.account import Account, Dialect
from worker.domain.error_codes import ErrorCode
from worker.domain.errors import HooklineError, NoSuchCall, ProviderRefused, ProviderUnavailable
from worker.domain.history import BODY
from worker.domain.job_spec import JSON, Kind
from worker.domain.provider_reports import Reply, SeedReply, Snapshot, Verdict
from worker.domain.redaction import HIDDEN, shown

MAX_IDS = 100  #: tasks per call
SEED_S = 45.0  #: timeout for a picture's seed
CHECK_S = 5.0  #: timeout for the question whether the provider answers
_PROBE_S = 10.0  #: timeout of a call that only compares
_BY_IDS = "/mj/task/list-by-condition"
_NO_TASK = "hookline-asks-for-no-task"  #: the id of no task

_CONNECT_S = 5.0  #: for a connection
_MAX_WORDS = 500  #: characters of what a provider says, in our errors


class ProviderClient:
    """The calls to the provider of one account; may be shared by threads.

    Args:
        account: Where the provider is and how to authenticate.
        deadline_s: Timeout of a whole call, in seconds. Gateways give their upstream 60 s for a
            submit.
        proxies: Which proxy to use, if any.
    """

    def __init__(
        self,
        account: Account,
        deadline_s: float = 80.0,
        clock: Callable[[], float] = time,
        *,
        proxies: Proxies = DIRECT,
    ) -> None:
        #: The dialect, as far as the responses show it.
        self.last_dialect: Dialect | None = None
        #: Its header ``Date`` and when it came, by this machine's clock; None: nothing answered.
        self.dated: tuple[str, float] | None = None
        self._account = account
        self._key = Key(account)
        self._connections = Connections(proxies)
        if account.url.startswith("https:"):
            # Takes tenths of a second, in which a worker that dies would leave its jobs in doubt if
            # the first of them loaded the certificates: between its intent and its POST.
            load_authorities()
        self._local = threading.local()
        self._deadline_s = deadline_s
        self._clock = clock
        self._proxies = proxies

    def __repr__(self) -> str:
        return f"ProviderClient({self._account.name!r})"

    def submit(
        self,
        kind: Kind,
        submission: Submission,
        send_until: float = float("inf"),
        *,
        exists: bool = False,
    ) -> Verdict:
        """POST once and classify whatever happens.

        ``exists``: the call took a job before: a page instead of an answer cannot mean that the
        provider lacks it, and a 404 only if the provider answers another question.

        After ``send_until`` (seconds since the epoch) nothing is sent: the caller's lease is over,
        and another process may act on the job. The check comes as late as possible, when the
        connection reads the body, so that even a process that was suspended before does not send.

        A connection is only used again while its server surely keeps it (``Connections``): closed
        at the moment of its use, it would leave the job in doubt for nothing.
        """
        data = Body(written(submission.body), send_until, self._clock)
        try:
            answer = self._exchange(self._session(), "POST", submission.path, data)
        except TROUBLE as error:
            words = self._words(error)
            return read_late(words) if data.late else read_transport_error(words, sent=data.sent)
        self._learn(read_json(answer.body))
        verdict = read_reply(
            kind, answer.status, answer.body, answer.location, hide=self._without_key
        )
        if not exists and self._lacks("POST", submission.path, answer):
            verdict = no_such_call(kind, f"POST {submission.path}", self._title(answer))
        elif exists and _is_missing(verdict) and not self._answers(submission.path):
            verdict = front_away(verdict)
        return replace(verdict, reply=self._reply(answer))

    @property
    def ahead_s(self) -> float | None:
        """Seconds by which this machine is ahead of the provider; None: it does not say.

        The provider says whole seconds: half of one is added.
        """
        said, at = self.dated or ("", 0.0)
        try:
            return at - parsedate_to_datetime(said).timestamp() - 0.5
        except ValueError:
            return None

    def fetch(self, task_id: str) -> Snapshot | None:
        """The task's present state; None if the provider does not know it.

        Raises:
            ProviderUnavailable: No response, or not a valid one.
            ProviderRefused: The key is refused.
        """
        status, value = self._ask("GET", f"/mj/task/{_quoted(task_id)}/fetch")
        snapshot = read_fetch(status, value)
        if snapshot is None:
            return None
        if not snapshot.recognised:
            raise ProviderUnavailable(f"The provider's answer is no task (HTTP {status}).")
        return replace(snapshot, task_id=snapshot.task_id or task_id)

    def fetch_many(self, task_ids: Sequence[str]) -> list[Snapshot]:
        """Those of the tasks that the provider knows, in any order.

        Raises:
            ProviderUnavailable: No response, or not a valid one.
            NoSuchCall: The provider tells of one task per call only.
            ProviderRefused: The key is refused.
        """
        found: list[Snapshot] = []
        for start in range(0, len(task_ids), MAX_IDS):
            found += self._by_ids(task_ids[start : start + MAX_IDS])
        return found

    def check(self) -> None:
        """Ask about a task that does not exist, which costs nothing.

        Raises like ``fetch_many``, but after ``CHECK_S`` at most.
        """
        within_s = min(CHECK_S, self._deadline_s)
        try:
            self._by_ids([_NO_TASK], within_s=within_s)
        except NoSuchCall as error:
            if not error.proven:
                raise
            self._ask("GET", f"/mj/task/{_NO_TASK}/fetch", within_s=within_s)

    def _by_ids(self, task_ids: Sequence[str], *, within_s: float | None = None) -> list[Snapshot]:
        body = {"ids": list(task_ids)}
        return self._list("POST", _BY_IDS, body, within_s=within_s)

    def task_list(self) -> list[Snapshot]:
        """The newest tasks of the provider; only novicezk and trueai have this.

        It opens a new connection: of several servers behind one address, a kept one would lead to
        the same server again and again.

        Raises:
            ProviderUnavailable: No response, or not a valid one.
            NoSuchCall: The provider does not list its tasks.
            ProviderRefused: The key is refused.
        """
        with new_session(Connections(self._proxies)) as session:
            return self._list("GET", "/mj/task/list", session=session)

    def image_seed(self, task_id: str) -> SeedReply:
        """The seed of a finished task's picture, or why there is none.

        The timeout is ``SEED_S``: a gateway may block for 30 s while it asks Midjourney.

        Raises:
            ProviderUnavailable: No response, or a page of which nothing is known.
            NoSuchCall: The provider has no seeds.
            ProviderRefused: The key is refused.
        """
        path = f"/mj/task/{_quoted(task_id)}/image-seed"
        answer = self._answer("GET", path, within_s=min(SEED_S, self._deadline_s))
        self._require("GET", path, answer)
        reply = read_seed(answer.status, read_json(answer.body))
        if reply.error is None:
            return reply
        return replace(reply, error=self._shown(reply.error))

    def _list(
        self,
        method: str,
        path: str,
        body: JSON | None = None,
        *,
        within_s: float | None = None,
        session: requests.Session | None = None,
    ) -> list[Snapshot]:
        answer = self._answer(method, path, body, within_s=within_s, session=session)
        if answer.status in (404, 405):
            raise NoSuchCall(f"The provider has no {path}.", proven=self._answers(path, body))
        self._require(method, path, answer, body)
        value = read_json(answer.body)
        if answer.status != 200 or not isinstance(value, list):
            raise ProviderUnavailable(f"The provider's answer is no list (HTTP {answer.status}).")
        if len(value) > MAX_ROWS:
            raise ProviderUnavailable(f"The provider's list has more than {MAX_ROWS:,} tasks.")
        return read_tasks(value)

    def _require(self, method: str, path: str, answer: Answer, body: JSON | None = None) -> None:
        """Raise ``NoSuchCall`` for a page that the provider shows for paths that it does not have,
        ``ProviderUnavailable`` for another page.
        """
        if not is_page(answer):
            return
        if self._lacks(method, path, answer, body):
            raise NoSuchCall(f"The provider has no {path}: it shows a page.", proven=True)
        raise ProviderUnavailable(f"The provider answered with a page: {self._title(answer)}")

    def _lacks(self, method: str, path: str, answer: Answer, body: JSON | None = None) -> bool:
        """Whether ``answer`` proves that the provider has no such call; see ``unknown_path``."""

        def ask(probed: str) -> Answer:
            data = Body(NO_JSON) if method == "POST" else None
            return self._exchange(self._session(), method, probed, data, _PROBE_S)

        try:
            return lacks_call(path, answer, ask, lambda: self._answers(path, body))
        except TROUBLE:
            return False

    def _answers(self, path: str, body: JSON | None = None) -> bool:
        """Whether the provider answers another question than ``path`` properly now.

        Where ``list-by-condition`` itself is in question, the first of its tasks is asked for.
        """
        try:
            if path != _BY_IDS:
                status, value = self._ask("POST", _BY_IDS, {"ids": [_NO_TASK]}, within_s=_PROBE_S)
                if status == 200 and isinstance(value, list):
                    return True
            task_id = str(body["ids"][0]) if body else _NO_TASK
            fetch = f"/mj/task/{_quoted(task_id)}/fetch"
            _, value = self._ask("GET", fetch, within_s=_PROBE_S)
        except HooklineError:
            return False
        # An empty answer may be anybody's, though some say so that they do not know a task.
        said = isinstance(value, dict) and {"code", "type"} & value.keys()
        return read_task(value).recognised or bool(said)

    def _ask(
        self, method: str, path: str, body: JSON | None = None, *, within_s: float | None = None
    ) -> tuple[int, Any]:
        """Status and JSON of a response that is not an error of the provider as a whole."""
        answer = self._answer(method, path, body, within_s=within_s)
        return answer.status, read_json(answer.body)

    def _answer(
        self,
        method: str,
        path: str,
        body: JSON | None = None,
        *,
        within_s: float | None = None,
        session: requests.Session | None = None,
    ) -> Answer:
        """A response that is not an error of the provider as a whole."""
        data = None if body is None else Body(written(body))
        try:
            answer = self._exchange(session or self._session(), method, path, data, within_s)
        except TROUBLE as error:
            raise ProviderUnavailable(self._words(error)) from None
        status, value = answer.status, read_json(answer.body)
        self._learn(value)
        words = self._shown(words_of(value)[0] or "no explanation")
        if status in ELSEWHERE:
            raise ProviderUnavailable(self._shown(redirect_words(status, answer.location)))
        if status in (401, 403):
            raise ProviderRefused(f"The provider refuses the key (HTTP {status}): {words}")
        if status >= 500 or status in (407, 429) or 300 <= status < 400:
            raise ProviderUnavailable(f"The provider answered HTTP {status}: {words}")
        return answer

    def _exchange(
        self,
        session: requests.Session,
        method: str,
        path: str,
        data: Body | None,
        within_s: float | None = None,
    ) -> Answer:
        """Send one request; return the response.

        Redirects are not followed: a POST would become a GET, and the key would go to another host.
        """
        deadline_s = within_s or self._deadline_s
        connect_s = min(_CONNECT_S, deadline_s / 2)
        headers = {"Accept": "application/json", "User-Agent": "hookline"}
        if data is not None:  # exactly this: gateways ignore a body of any other type
            headers["Content-Type"] = "application/json"
        with (
            within(deadline_s),
            session.request(
                method,
                address(self._account.url, path),
                data=data,
                headers=headers,
                auth=self._key,
                timeout=(connect_s, deadline_s - connect_s),
                allow_redirects=False,
                stream=True,
            ) as response,
        ):
            of = response.headers.get
            self.dated = (of("Date", ""), time())
            said, place = of("Content-Type", ""), of("Location", "")
            return Answer(response.status_code, body_of(response), said, place)

    def _reply(self, answer: Answer) -> Reply:
        """What was answered, for the job's history; JSON without escapes, which may hide a key."""
        value = read_json(answer.body)
        said = answer.body.decode("utf-8", "replace")
        if value is not UNREADABLE and value is not None:
            said = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        code = whole(value.get("code")) if isinstance(value, dict) else None
        return Reply(answer.status, code, shown(self._without_key(said), BODY))

    def _session(self) -> requests.Session:
        """The session: one per thread, as `requests` does not promise thread safety."""
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = self._local.session = new_session(self._connections)
        return session

    def _learn(self, value: Any) -> None:
        self.last_dialect = guess_dialect(value) or self.last_dialect

    def _words(self, error: BaseException) -> str:
        """The innermost cause, without the key: the libraries quote headers."""
        while inner := error.__cause__ or (not error.__suppress_context__ and error.__context__):
            error = inner
        return self._shown(str(error) or type(error).__name__)

    def _shown(self, words: str) -> str:
        return shown(self._without_key(words), _MAX_WORDS)

    def _title(self, answer: Answer) -> str:
        return self._without_key(title_of(answer))

    def _without_key(self, text: str) -> str:
        """``text`` with the key hidden: a provider may quote a key that it refuses."""
        key = self._account.key
        return text.replace(key, HIDDEN).replace(repr(key)[1:-1], HIDDEN) if key else text


def _is_missing(verdict: Verdict) -> bool:
    return verdict.error is not None and verdict.error.code == ErrorCode.NO_ENDPOINT


def _quoted(task_id: str) -> str:
    return quote(task_id, safe="")
