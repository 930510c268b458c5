"""A stand-in of a Midjourney-proxy provider: `with StandIn(flavour="T") as provider: ...`."""

from __future__ import annotations

import contextlib
import copy
import json
import random
import re
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal, NamedTuple, Self

import requests
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

from .drawing import film
from .standin_shapes import (
    ACCOUNT,
    ENDED,
    GRIDS,
    ROUTES,
    VERBS,
    WINDOW,
    Flavour,
    Json,
    RefusedError,
    Task,
    authorise,
    buttons_for,
    check_images,
    framework_refusal,
    gateway_action,
    gateway_body,
    gateway_refusal,
    is_png,
    openai_refusal,
    picture,
    refusal,
    task_body,
    wrong_field,
)

BANNED_WORD = "nude"  # in a prompt: refused (N, P: code 24) or failed later (T, G)
FAIL_WORD = "doomed"  # in a prompt: accepted, then FAILURE

_PREFIX = {"T": r"(?:/mj-(?:fast|turbo|relax))?", "G": r"(?:/[^/]+)?"}
_NO_REROLL = ("REROLL", "ACTION", "OUTPAINT", "INPAINT", "SHOW", "SWAP_FACE", "VIDEO_EXTEND",
              "PIC_READER")  # fmt: skip
_FOUND = {"describe": "\n\n".join(f"{i}️⃣ a stand-in scene {i} --ar 1:1" for i in range(1, 5)),
            "shorten": "## Important tokens\n**stand-in**\n## Shortened prompts\n"
                       + "\n\n".join(f"{i}️⃣ short {i}" for i in range(1, 6))}  # fmt: skip


class Reply(NamedTuple):
    status: int
    body: Json | list[Json] | bytes | str | None
    task: Task | None = None


def _done(result: str | list[str]) -> Reply:
    """The plain success of a submit that starts no task of its own."""
    return Reply(200, {"code": 1, "description": "提交成功", "result": result, "properties": {}})


class _Quiet(WSGIRequestHandler):
    def log(self, *args: Any, **kwargs: Any) -> None:
        pass


Hooks = Literal["sent", "stripped"]


class StandIn:
    """Serves one flavour; what a client must never do is collected in `violations`."""

    def __init__(
        self,
        *,
        flavour: Flavour = "N",
        hooks: Hooks = "sent",
        state_in_callbacks: bool = True,
        callback_before_reply: float = 0.0,  # the reply goes out so long after the first callback
        instant: bool = False,
        progress_steps: int = 2,
        task_seconds: float = 0.3,
        duplicate_callbacks: bool = False,
        shuffle: bool = False,
        success_without_buttons: bool = False,
        lag_seconds: float = 0.0,  # G: how far its own view is behind
        max_running: int | None = None,
        secret: str | None = None,
        remix: bool = False,  # T, G: the account asks for a modal on variations, pans and rerolls
        plus: bool = False,  # G: the newer gateway, with edits and video
        core_size: int = 3,
        queue_size: int = 10,
        sweep_seconds: float = 1.0,  # P: how late the end of a modal's task is told
        timeouts_after_work: bool = True,  # P: U1, reroll, Zoom Out, Pan by action: "Task timeout"
    ) -> None:
        self.flavour: Flavour = flavour
        self._up: Flavour = "T" if flavour == "G" else flavour  # who does the work
        self._hooks, self._with_state = hooks, state_in_callbacks
        self._early, self._bare = callback_before_reply, success_without_buttons
        self._instant, self._steps, self._seconds = instant, progress_steps, task_seconds
        self._twice, self._shuffle = duplicate_callbacks, shuffle
        self._lag = lag_seconds if flavour == "G" else 0.0
        self._max_running, self._secret, self._remix, self._plus = max_running, secret, remix, plus
        self._core, self._queue = core_size, queue_size
        self._sweep, self._timeouts = sweep_seconds, timeouts_after_work
        self.url = ""
        self.violations: list[str] = []
        self.accepted: list[Json] = []
        self.requests: list[Json] = []
        self.callbacks: list[Json] = []
        self.tasks: dict[str, Task] = {}
        self._files: dict[str, bytes] = {}
        self._states: set[str] = set()
        self._lock, self._closing = threading.RLock(), threading.Event()
        self._slots, self._random = threading.Semaphore(core_size), random.Random(7)
        self._handlers: dict[str, Callable[[Json], Reply]] = {
            "submit/imagine": self._imagine,
            "submit/action": self._action,
            "submit/change": self._change,
            "submit/simple-change": self._simple_change,
            "submit/blend": self._blend,
            "submit/describe": self._describe,
            "submit/shorten": self._shorten,
            "submit/modal": self._modal,
            "submit/edits": lambda body: self._edits(body, "EDIT"),
            "submit/edit": lambda body: self._edits(body, "EDIT"),
            "submit/retexture": lambda body: self._edits(body, "RETEXTURE"),
            "submit/video": self._video,
            "submit/upload-discord-images": self._upload,
            "insight-face/swap": self._swap,
        }

    def __enter__(self) -> Self:
        self._server = make_server("127.0.0.1", 0, self._app, threaded=True, request_handler=_Quiet)
        self._pool = ThreadPoolExecutor(10)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        with self._lock:
            self._closing.set()
            self._pool.shutdown(wait=False, cancel_futures=True)
        self._server.shutdown()
        self._server.server_close()

    # --- requests

    def _app(self, environ: Any, start_response: Any) -> Any:
        request = Request(environ)
        raw = request.get_data()
        try:
            body = json.loads(raw) if raw else None
        except ValueError:
            body = raw.decode("utf-8", "replace")
        seen = {"method": request.method, "path": request.path, "body": body, "time": time.time()}
        self.requests.append(seen | {"headers": dict(request.headers)})
        try:
            reply = self._route(request, body)
        except RefusedError as refused:
            reply = Reply(refused.status, refused.body)
        response = Response(status=reply.status)
        if isinstance(reply.body, bytes):
            kind = "image/png" if reply.body.startswith(b"\x89PNG") else "video/mp4"
            response = Response(reply.body, reply.status, mimetype=kind)
        elif isinstance(reply.body, str):
            kind = "application/json" if reply.body == "null" else "text/plain"
            response = Response(reply.body, reply.status, content_type=f"{kind}; charset=utf-8")
        elif reply.body is not None:
            text = json.dumps(reply.body, ensure_ascii=False, separators=(",", ":"))
            response = Response(text, reply.status, content_type="application/json; charset=utf-8")
        return response(environ, start_response)

    def _route(self, request: Request, body: Any) -> Reply:
        path, get = request.path, request.method == "GET"
        missing = framework_refusal(self.flavour, 404, "Not Found", path)
        if get and path.startswith("/img/"):
            return self._file(path.removeprefix("/img/"), RefusedError(404, None))
        match = re.fullmatch(_PREFIX.get(self.flavour, "") + r"/mj/(.+)", path)
        if match is None:
            raise missing
        tail = match[1]
        if get and self.flavour == "G" and tail.startswith("image/"):
            gone = RefusedError(400, {"error": "midjourney_task_not_found"})
            return self._file(f"{tail.removeprefix('image/')}.png", gone)
        authorise(self.flavour, self._secret, request.headers)
        if one := re.fullmatch(r"task/([^/]+)/(fetch|image-seed|cancel)", tail):
            if one[2] == "cancel" and not get and self.flavour == "T":
                raise RefusedError(400, "only the administrator may cancel")
            if one[2] == "cancel" or not get or (one[2] == "image-seed" and self.flavour == "N"):
                raise missing
            with self._lock:
                return self._fetch(one[1]) if one[2] == "fetch" else self._seed(one[1])
        routes = ROUTES[self.flavour] | ({"submit/edits", "submit/video"} if self._plus else set())
        if tail not in routes or get != (tail in ("task/list", "task/queue")):
            raise missing
        fields = {} if get else self._read(request, body)
        if not tail.startswith("task/"):
            return self._submit(tail, path, fields)
        with self._lock:
            chosen = self._running() if tail == "task/queue" else list(self.tasks.values())
            if not get:
                chosen = [self.tasks[one] for one in fields.get("ids") or [] if one in self.tasks]
            return Reply(200, [row for task in chosen[::-1][:100] for row in self._rows(task)])

    def _file(self, name: str, missing: RefusedError) -> Reply:
        if name not in self._files:
            raise missing
        return Reply(200, self._files[name])

    def _read(self, request: Request, body: Any) -> Json:
        kind = request.headers.get("Content-Type", "")
        if not kind.startswith("application/json"):
            self._blame(f"{request.path}: Content-Type {kind!r}")
            if self.flavour in ("N", "T"):
                raise framework_refusal(self.flavour, 415, "Unsupported Media Type", request.path)
            return {}
        wrong = framework_refusal(self.flavour, 400, "Bad Request", request.path)
        if not isinstance(body, dict):
            self._blame(f"{request.path}: the body is no JSON object")
            raise wrong
        if key := wrong_field(body):
            self._blame(f"{request.path}: wrong type of {key}")
            raise wrong
        return body

    def _submit(self, tail: str, path: str, body: Json) -> Reply:
        state, hook = body.get("state") or "", body.get("notifyHook") or ""
        with self._lock:
            if len(state) > 255 or not re.fullmatch(r"[A-Za-z0-9._~-]*", state):
                self._blame(f"{path}: bad state {state[:300]!r}")
            if re.search(r"[%{}?#]", hook):
                self._blame(f"{path}: notifyHook with escapes, braces, query or fragment")
            if state in self._states and tail != "submit/modal":
                self._blame(f"{path}: state {state} was accepted before")
            if self._up == "T" and (len(state) > 255 or len(hook) > 2000):
                if tail == "submit/imagine":
                    raise self._refuse(4, "参数过长", "too long")
                raise framework_refusal("T", 400, "参数过长", path)
            reply = self._handlers[tail](body)
            self._states |= {state} - {""}
            result = reply.body["result"] if isinstance(reply.body, dict) else ""
            entry = {"path": f"/mj/{tail}", "body": body, "time": time.time()}
            self.accepted.append(entry | {"task_id": result if isinstance(result, str) else ""})
        if reply.task and not reply.task.parked and not reply.task.queued:
            if self._instant:
                reply.task.done.wait(2)
            if self._early:
                reply.task.told.wait(2)
                time.sleep(self._early)
        return reply

    def _blame(self, text: str) -> None:
        self.violations.append(text)

    def _refuse(self, code: int, chinese: str, english: str, status: int = 200) -> RefusedError:
        return refusal(self._up, code, chinese, english, status)

    # --- queries

    def _rows(self, task: Task) -> list[Json]:
        """One row; after a modal the gateway has two, the older stale until the newer is over."""
        if self.flavour != "G":
            rows = [task_body(self._up, task)]
        else:
            now = time.monotonic() - self._lag
            seen, late = task.seen(now), task.seen(now - self._lag)
            rows = [gateway_body(task, seen, task.gateway_action, self.url, self._plus)]
            if task.modal_at:
                if not late or late.status not in ENDED:
                    late = task.seen(min(now, task.modal_at))
                newer = task.seen(now, task.modal_at)
                rows = [gateway_body(task, late, task.gateway_action, self.url, self._plus),
                        gateway_body(task, newer, "MODAL", self.url, self._plus)]  # fmt: skip
        if not self._with_state:
            for row in rows:
                row.pop("state", None)
        return rows

    def _fetch(self, task_id: str) -> Reply:
        if task_id in self.tasks:
            return Reply(200, self._rows(self.tasks[task_id])[0])
        if self.flavour == "G":
            raise gateway_refusal("task_no_found")
        return {"N": Reply(200, None), "T": Reply(204, None), "P": Reply(200, "null")}[self._up]

    def _seed(self, task_id: str) -> Reply:
        task = self.tasks.get(task_id)
        if task is None:
            raise self._missing("task_no_found")
        if task.status != "SUCCESS":
            raise self._refuse(4, "关联任务状态错误", "Task status is wrong", 400)
        seed = str(int(task.token[:8], 16))
        key, said = ("seed", "Success") if self.flavour == "P" else ("result", "成功")
        return Reply(200, {"code": 1, "description": said, key: seed})

    # --- submits

    def _imagine(self, body: Json) -> Reply:
        if self.flavour == "G" and not body.get("prompt"):
            raise gateway_refusal("prompt_is_required")
        prompt = self._required(body, "prompt").strip()
        images = [
            image for image in [*(body.get("base64Array") or []), body.get("base64")] if image
        ]
        check_images(self._up, images)
        if self._up != "T" and BANNED_WORD in prompt.lower():
            refused = self._refuse(24, "可能包含敏感词", "May contain sensitive words")
            assert isinstance(refused.body, dict)
            refused.body["properties"] = {"promptEn": prompt, "bannedWord": BANNED_WORD}
            raise refused
        shown = " ".join([*self._store(images), prompt])
        return self._admit(self._task(body, "IMAGINE", shown, f"/imagine {prompt}", root=prompt))

    def _blend(self, body: Json) -> Reply:
        images = body.get("base64Array") or []
        if not 2 <= len(images) <= 5:
            raise self._refuse(4, "base64List参数错误", "base64Array must hold 2 to 5 images")
        dimensions = body.get("dimensions", None if self.flavour == "P" else "SQUARE")
        if dimensions is None:
            raise self._refuse(4, "dimensions参数错误", "dimensions is wrong")
        if dimensions not in ("PORTRAIT", "SQUARE", "LANDSCAPE"):
            raise framework_refusal(self._up, 400, "Bad Request", "/mj/submit/blend")
        check_images(self._up, images)
        return self._admit(self._task(body, "BLEND", None, f"/blend {len(images)}"))

    def _describe(self, body: Json) -> Reply:
        link = body.get("link") if self._up == "T" else None
        if not link:
            check_images(self._up, [self._required(body, "base64")])
        return self._admit(self._task(body, "DESCRIBE", None, "/describe"))

    def _shorten(self, body: Json) -> Reply:
        prompt = body.get("prompt") or ""
        if self._up == "P":
            prompt = self._required(body, "prompt")
        return self._admit(self._task(body, "SHORTEN", prompt, f"/shorten {prompt}", root=prompt))

    def _edits(self, body: Json, action: str) -> Reply:
        prompt, image = self._required(body, "prompt"), self._required(body, "image")
        check_images(self._up, [image])
        task = self._task(body, action, prompt, f"/edit {prompt}", root=prompt)
        task.gateway_action = "EDITS" if action == "EDIT" else action
        return self._admit(task)

    def _video(self, body: Json) -> Reply:
        prompt, extend = self._required(body, "prompt"), body.get("action") == "extend"
        allowed = {
            "motion": ("low", "high"),
            "batchSize": (1, 2, 4),
            "index": (0, 1, 2, 3),
            "action": ("extend",),
            "videoType": ("vid_1.1_i2v_480", "vid_1.1_i2v_720"),
        }
        odd = [key for key, values in allowed.items() if body.get(key) and body[key] not in values]
        if odd or bool(body.get("taskId")) != extend:
            raise self._refuse(4, "参数错误", "wrong parameter")
        parent = self._parent(body) if extend else None
        if not parent:
            images = [self._required(body, "image"), body.get("endImage")]
            check_images(self._up, [image for image in images if image])
        action = "VIDEO_EXTEND" if extend else "VIDEO"
        task = self._task(body, action, prompt, f"/video {prompt}", root=prompt, parent=parent)
        task.gateway_action = "VIDEO"
        return self._admit(task)

    def _upload(self, body: Json) -> Reply:
        images = body.get("base64Array") or []
        if not images:
            raise self._refuse(4, "base64格式错误", "base64Array is empty")
        check_images(self._up, images)
        return _done(self._store(images))

    def _swap(self, body: Json) -> Reply:
        sides = [body.get("sourceBase64"), body.get("targetBase64")]
        if self.flavour == "G" and not all(sides):
            raise gateway_refusal("source_base64_and_target_base64_is_required")
        sides = [sides[0] or body.get("sourceUrl"), sides[1] or body.get("targetUrl")]
        if not all(sides) or sides[0] == sides[1]:
            raise self._refuse(4, "参数错误", "wrong parameter")
        check_images(self._up, [side for side in sides if side])
        return self._admit(self._task(body, "SWAP_FACE", None, "/swap"))

    def _change(self, body: Json) -> Reply:
        action, index, path = body.get("action"), body.get("index"), "/mj/submit/change"
        if self.flavour == "G" and not action:
            raise openai_refusal(503, "no channel for model mj_")
        if self.flavour == "G" and not index:
            raise gateway_refusal("index_is_required")
        if self.flavour == "N" and (action is None or (action != "REROLL" and index is None)):
            raise framework_refusal("N", 500, "Internal Server Error", path)
        if action not in ("UPSCALE", "VARIATION", "REROLL"):
            raise framework_refusal(self._up, 400, "Bad Request", path)
        if action != "REROLL" and index not in (1, 2, 3, 4):
            raise self._refuse(4, "index参数错误", "index is wrong")
        number = int(index) if index and action != "REROLL" else 0
        return self._changed(body, body.get("taskId") or "", action, number)

    def _simple_change(self, body: Json) -> Reply:
        if self.flavour == "G":
            raise openai_refusal(503, "no channel for model mj_")
        match = re.fullmatch(r"(\S+) (?:([uv])([1-4])|r)", body.get("content") or "", re.IGNORECASE)
        if match is None:
            raise self._refuse(4, "content参数错误", "content is wrong")
        action = {"u": "UPSCALE", "v": "VARIATION"}.get((match[2] or "r").lower(), "REROLL")
        return self._changed(body, match[1], action, int(match[3] or 0))

    def _changed(self, body: Json, parent_id: str, action: str, index: int) -> Reply:
        parent = self._parent(body | {"taskId": parent_id})
        if parent.action not in ("IMAGINE", "VARIATION", "REROLL", "BLEND"):
            raise self._refuse(4, "关联任务不允许执行变化", "the parent allows no change")
        said = f"/up {parent.id} {action[0]}{index or ''}"
        return self._admit(
            self._task(body, action, parent.prompt, said, parent=parent, index=index)
        )

    def _action(self, body: Json) -> Reply:
        custom_id, parent = body.get("customId") or "", self.tasks.get(body.get("taskId") or "")
        offered = {button["customId"] for button in parent.buttons} if parent else set()
        if parent and custom_id not in offered:
            self._blame(f"action on {parent.id}: customId {custom_id!r} was not offered")
        gateway_name = None
        if self.flavour == "G":
            try:
                gateway_name = gateway_action(custom_id)
            except IndexError:
                raise openai_refusal(
                    500, "Panic detected: index out of range", "new_api_panic"
                ) from None
            if gateway_name is None:
                raise openai_refusal(400, f"Invalid request, unknown_action:{custom_id}")
        self._required(body, "customId")
        parent = self._parent(body)
        verb = next((name for prefix, name in VERBS if custom_id.startswith(prefix)), None)
        if verb is None or custom_id not in offered:
            raise self._refuse(4, "参数错误", "customId is wrong")
        if verb == "REROLL" and self._up == "T" and parent.action in _NO_REROLL:
            raise self._refuse(4, "该任务不支持重新生成", "no reroll of this task")
        return self._perform(body, parent, verb, gateway_name)

    def _perform(self, body: Json, parent: Task, verb: str, gateway_name: str | None) -> Reply:
        custom_id, index, prompt = body["customId"], 0, parent.prompt
        if match := re.match(r"MJ::JOB::upsample::(\d)::", custom_id):
            index = int(match[1])
        modal = verb in ("ZOOM", "INPAINT") or (verb == "PIC_READER" and self._up == "T")
        if self._up == "T" and verb in ("PAN", "VARIATION", "VIDEO", "REROLL"):
            modal = self._remix or body.get("enableRemix") is True
        if verb == "PIC_READER":
            prompts = [line.partition(" ")[2] for line in (parent.text or "").split("\n\n")]
            if custom_id.endswith("::all"):
                return self._imagine_all(body, parent, prompts)
            prompt = prompts[int(custom_id[-1]) - 1]
        action = parent.action if verb == "REROLL" and self._up == "T" else verb
        said = f"/up {parent.id} {verb}"
        prompt = "" if verb == "INPAINT" else prompt
        task = self._task(body, action, prompt, said, parent=parent, index=index)
        task.gateway_action = gateway_name or action
        if self._up == "P" and self._timeouts and (index or verb in ("REROLL", "OUTPAINT", "PAN")):
            task.doomed = "Task timeout"
        return self._park(task, verb) if modal else self._admit(task)

    def _imagine_all(self, body: Json, parent: Task, prompts: list[str]) -> Reply:
        """Four tasks without a hook, their ids in one comma-joined result."""
        ids = []
        for number, prompt in enumerate(prompts, 1):
            part = {"state": f"{body.get('state') or ''}::{number}"}
            task = self._task(part, "PIC_READER", prompt, f"/imagine {prompt}", parent=parent)
            self._admit(task)
            ids.append(task.id)
        return _done(",".join(ids))

    def _modal(self, body: Json) -> Reply:
        task = self.tasks.get(body.get("taskId") or "")
        if task is None:
            raise self._missing("task_no_found")
        if not task.parked or task.answered:
            self._blame(f"modal for {task.id}, which waits for none")
            if self._up == "P":
                raise self._refuse(4, "关联任务状态错误", "Task status is wrong")
            return _done(task.id)
        prompt = (body.get("prompt") or "").strip() or task.prompt
        prompt = prompt or (task.parent.prompt if task.parent else "")
        if not prompt:
            raise self._refuse(4, "prompt不能为空", "prompt cannot be empty")
        chosen = copy.copy(task)  # so that a refusal leaves the waiting task as it was
        chosen.prompt, chosen.parked = prompt, False
        if self._up == "P":
            chosen = self._task(body, task.action, prompt, f"/imagine {prompt}", parent=task.parent)
            chosen.quiet = True
        if task.action == "INPAINT" and not is_png(body.get("maskBase64") or ""):
            chosen.doomed = "Invalid mask"
        self._check_queue(chosen)
        task.answered = True
        if self._up == "P":
            return self._admit(chosen)
        task.prompt, task.parked, task.doomed = prompt, False, chosen.doomed
        task.status, task.description = "NOT_START", f"/imagine {prompt}"
        task.modal_at = time.monotonic()
        return self._admit(task)

    # --- the life of a task

    def _required(self, body: Json, key: str) -> str:
        value = body.get(key) or ""
        if not isinstance(value, str) or not value.strip():
            raise self._refuse(4, f"{key}不能为空", f"{key} cannot be empty")
        return value

    def _parent(self, body: Json) -> Task:
        task = self.tasks.get(body.get("taskId") or "")
        if self.flavour == "G":
            seen = task.seen(time.monotonic() - self._lag) if task else None
            if task is None or seen is None or seen.status != "SUCCESS":
                raise gateway_refusal("task_status_not_success" if task else "task_not_found")
        self._required(body, "taskId")
        if task is None:
            raise self._missing("task_not_found")
        if task.status != "SUCCESS":
            raise self._refuse(4, "关联任务状态错误", "Task status is wrong")
        return task

    def _missing(self, gateway_text: str) -> RefusedError:
        if self.flavour == "G":
            return gateway_refusal(gateway_text)
        status = 404 if self._up == "T" else 200
        return self._refuse(3, "关联任务不存在或已失效", "Task not found", status)

    def _store(self, images: list[str]) -> list[str]:
        names = [f"upload-{len(self._files) + number}.png" for number in range(len(images))]
        self._files |= {name: picture(name) for name in names}
        return [f"{self.url}/img/{name}" for name in names]

    def _task(
        self, body: Json, action: str, prompt: str | None, description: str, **more: Any
    ) -> Task:
        number = int(time.time() * 1000) * 1000 + self._random.randrange(1000)
        while str(number) in self.tasks:
            number += 1
        hook = body.get("notifyHook") or None if self._hooks == "sent" else None
        state = body.get("state")
        return Task(str(number), action, action, prompt, description, state, hook, **more)

    def _running(self) -> list[Task]:
        return [t for t in self.tasks.values() if not t.parked and t.status not in ENDED]

    def _check_queue(self, task: Task) -> int:
        """How many others run; raises where the queue is full."""
        others = [other for other in self._running() if other.id != task.id]
        if self._up != "P" and len(others) >= self._core + self._queue:
            code, said = (9, "提交失败\uff0c") if self._up == "T" else (23, "")
            refused = self._refuse(code, f"{said}队列已满\uff0c请稍后重试", "")
            assert isinstance(refused.body, dict)
            refused.body["properties"] = {"discordInstanceId": ACCOUNT}
            raise refused
        return len(others)

    def _park(self, task: Task, verb: str) -> Reply:
        self.tasks[task.id] = task
        task.parked, task.description = True, WINDOW
        if self._up != "P" or verb != "ZOOM":
            task.status = "MODAL"
        task.history.append((time.monotonic(), copy.copy(task)))
        properties = {"finalPrompt": task.prompt or "", "remix": True}
        return self._answer(task, 21, WINDOW, properties)

    def _admit(self, task: Task) -> Reply:
        running = self._check_queue(task)
        if self._max_running is not None and running >= self._max_running:
            self._blame(f"{running + 1} tasks at once, at most {self._max_running} allowed")
        if task.root and any(other.root == task.root for other in self._running()):
            self._blame(f"equal prompts at once: {task.root[:80]!r}")
        if self._up == "T" and BANNED_WORD in (task.prompt or "").lower():
            task.doomed = "可能包含敏感词"
        if FAIL_WORD in (task.prompt or "").lower():
            task.doomed = "Invalid Form Body"
        self.tasks[task.id] = task
        task.queued = running >= self._core
        threading.Thread(target=self._run, args=(task,), daemon=True).start()
        properties: Json = {} if task.action == "SWAP_FACE" else {"discordInstanceId": ACCOUNT}
        if self._up == "T" and properties:
            properties["discordChannelId"] = ACCOUNT
        english = self._up == "P"
        if running >= (1 if english else self._core):
            ahead = running if english else running - self._core + 1
            said = f"排队中\uff0c前面还有{ahead}个任务"
            if english:
                said = f"In queue, there are {ahead} tasks ahead"
            return self._answer(task, 22, said, properties | {"numberOfQueues": ahead})
        return self._answer(task, 1, "Success" if english else "提交成功", properties)

    def _answer(self, task: Task, code: int, said: str, properties: Json) -> Reply:
        kept = code == 21 and task.gateway_action in ("INPAINT", "CUSTOM_ZOOM")
        if self.flavour == "G" and code in (21, 22) and not kept:
            code = 1
        task.said = said
        body = {"code": code, "description": said, "result": task.id, "properties": properties}
        return Reply(200, body, task)

    def _run(self, task: Task) -> None:
        while not self._instant and not self._slots.acquire(timeout=0.1):
            if self._closing.is_set():
                return
        try:
            if self._instant or self._progress(task):
                self._finish(task)
        finally:
            if not self._instant:
                self._slots.release()

    def _progress(self, task: Task) -> bool:
        nap = self._seconds / (self._steps + 2)
        if not self._early and self._closing.wait(nap):
            return False
        self._move(task, "SUBMITTED", "0%")
        for step in range(1, self._steps + 1):
            repeats = max(1, int(nap / 0.1)) if self._up == "P" else 1
            for _ in range(repeats):
                if self._closing.wait(nap / repeats):
                    return False
                self._move(task, "IN_PROGRESS", f"{100 * step // (self._steps + 1)}%")
        return not self._closing.wait(nap)

    def _move(self, task: Task, status: str, progress: str) -> None:
        with self._lock:
            task.status, task.progress = status, progress
            task.started = task.started or int(time.time() * 1000)
            if status == "IN_PROGRESS" and self._up != "T" and task.action != "SHORTEN":
                self._files.setdefault(f"{task.id}-preview.png", picture("preview"))
                task.image_url = f"{self.url}/img/{task.id}-preview.png"
            self._record(task)
            body = self._callback(task)
        if not task.quiet:
            self._tell(task, body)

    def _finish(self, task: Task) -> None:
        names = [f"{task.id}.{number}" for number in range(1, 5)]
        if task.action not in GRIDS:
            names = names[:1]
        if task.index and task.parent and task.action == "UPSCALE":
            names = [f"{task.parent.id}.{task.index}"]
        shown = picture(*names)
        with self._lock:
            task.finished = int(time.time() * 1000)
            task.started = task.started or task.finished
            if task.doomed:
                task.status, task.progress, task.fail_reason = "FAILURE", "", task.doomed
            else:
                task.status, task.progress = "SUCCESS", "100%"
                task.text = _FOUND.get(task.action.lower())
                task.buttons = buttons_for(self._up, task)
                if task.action != "SHORTEN":
                    task.image_url = f"{self.url}/img/{task.id}.png"
                    self._files[f"{task.id}.png"] = shown
                if task.action.startswith("VIDEO"):
                    self._files[f"{task.id}.mp4"] = film()
            self._record(task)
            body = self._callback(task)
        task.done.set()
        if self._instant and not self._early and task.action == "UPSCALE" and self._up == "T":
            return  # finished inside the submit call: never told
        pause = self._sweep if task.quiet else 0.05 if self._instant and not self._early else 0
        if not self._closing.wait(pause):
            self._tell(task, body, end=True)

    def _record(self, task: Task) -> None:
        task.history.append((time.monotonic(), copy.copy(task)))

    def _callback(self, task: Task) -> Json:
        body = task_body(self._up, task)
        if not self._with_state:
            body.pop("state", None)
        if self._bare and task.status == "SUCCESS":
            body.pop("buttons", None)
        return body

    # --- callbacks

    def _tell(self, task: Task, body: Json, end: bool = False) -> None:
        """Queues callbacks; shuffled, all but the first wait for the end and mix with it."""
        with self._lock:
            if not task.hook:
                task.told.set()
                return
            task.calls += 1
            batch = [body]
            if self._shuffle and not end and task.calls > 1:
                task.held.append(body)
                return
            if end:
                batch, task.held = task.held, []
                self._random.shuffle(batch)
                again = self._up == "P" and task.status == "FAILURE"
                for _ in range(1 + again):
                    batch.insert(self._random.randrange(len(batch) or 1), body)
            for one in batch:
                raw = json.dumps(one, ensure_ascii=self._up == "T").encode()
                task.outbox.extend([raw] * (1 + self._twice))
            if not task.sending and not self._closing.is_set():
                task.sending = True
                self._pool.submit(self._drain, task)

    def _drain(self, task: Task) -> None:
        kind = "application/json; charset=utf-8" if self._up == "T" else "application/json"
        agent = "axios/1.6.0" if self._up == "P" else "Java/17" if self._up == "N" else None
        with requests.Session() as session:
            session.trust_env = False
            while True:
                with self._lock:
                    if not task.outbox or self._closing.is_set():
                        task.sending = False
                        return
                    raw = task.outbox.popleft()
                headers: dict[str, str | bytes | None] = {"Content-Type": kind, "User-Agent": agent}
                status: int | None = None
                with contextlib.suppress(requests.RequestException):  # never sent again
                    status = session.post(task.hook or "", data=raw, headers=headers, timeout=10,
                                          allow_redirects=self._up != "N").status_code  # fmt: skip
                sent = {"hook": task.hook, "body": json.loads(raw), "status": status}
                self.callbacks.append(sent | {"time": time.time()})
                task.told.set()
