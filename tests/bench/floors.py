"""The floors, each a process: what anybody would have to do at least.

    python -m tests.bench.floors bare | script | hop | hop-worker   PORT REDIS_URL PROVIDER_URL

``bare`` answers, ``script`` makes one Redis script call before it answers, ``hop`` wakes a Celery
worker that makes one POST.
"""

import sys
from collections.abc import Callable
from functools import partial

import redis
import requests
from celery import Celery
from flask import Flask

from config.broker_urls import parse_broker
from webhooks.server import serve
from worker.adapters.local.listening import listen
from worker.adapters.local.supervisor import end_with_parent
from worker.bootstrap import HOOK_PATH

_ANSWER = {"status": "applied"}
_SCRIPT = """
local known = redis.call('HGET', KEYS[1], 'doc')
redis.call('HSET', KEYS[1], 'doc', ARGV[1])
return known
"""


def main() -> None:
    """Run the floor that the command line names, until told to stop."""
    end_with_parent()
    name, *args = sys.argv[1:]
    floors: dict[str, Callable[..., None]] = {
        "bare": partial(_serve, bare_app),
        "script": partial(_serve, script_app),
        "hop": partial(_serve, hop_app),
        "hop-worker": _hop_worker,
    }
    floors[name](*args)


def bare_app(_redis_url: str, _provider_url: str) -> Flask:
    app = Flask("bare")

    @app.post(f"{HOOK_PATH}/<token>")
    def callback(token: str) -> dict[str, str]:
        return _ANSWER

    return app


def script_app(redis_url: str, _provider_url: str) -> Flask:
    app = Flask("script")
    script = redis.Redis.from_url(redis_url).register_script(_SCRIPT)

    @app.post(f"{HOOK_PATH}/<token>")
    def callback(token: str) -> dict[str, str]:
        script(keys=[f"job:{token}"], args=[b"x" * 1000])
        return _ANSWER

    return app


def hop_app(redis_url: str, provider_url: str) -> Flask:
    app = Flask("hop")
    celery = _celery(redis_url)

    @app.post(f"{HOOK_PATH}/<token>")
    def callback(token: str) -> dict[str, str]:
        celery.send_task("post", [f"{provider_url}/mj/submit/action"])
        return _ANSWER

    return app


def _hop_worker(_port: str, redis_url: str, _provider_url: str) -> None:
    celery = _celery(redis_url)

    @celery.task(name="post")
    def post(url: str) -> None:
        requests.post(url, json={"taskId": "1", "customId": "MJ::JOB::upsample::1"}, timeout=10)

    celery.worker_main(
        [
            "worker",
            "--pool=threads",
            "--concurrency=9",
            "--without-gossip",
            "--without-mingle",
            "--without-heartbeat",
            "--loglevel=WARNING",
        ]
    )


def _celery(redis_url: str) -> Celery:
    app = Celery("floor", broker=parse_broker(redis_url).url, set_as_current=False)
    app.conf.update(
        task_ignore_result=True,
        worker_prefetch_multiplier=1,
        worker_enable_remote_control=False,
        worker_send_task_events=False,
    )
    return app


def _serve(make: Callable[[str, str], Flask], port: str, *urls: str) -> None:
    """A floor's app on the web server as we run it for our own."""
    serve(listen("127.0.0.1", int(port)), partial(make, *urls))


if __name__ == "__main__":
    main()
