"""What people write: dramatiq actors that submit, with retries; `state` is our own id."""

import os

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from redis import Redis
from requests import Session
from requests.adapters import HTTPAdapter

# A dead worker's messages come back after this time; by default after a minute.
dramatiq.set_broker(RedisBroker(url=f"{os.environ['REDIS']}/4", heartbeat_timeout=10_000))
redis = Redis.from_url(f"{os.environ['REDIS']}/5", decode_responses=True)
session = Session()
session.mount("http://", HTTPAdapter(pool_maxsize=16))

RETRIED = {"max_retries": 3, "min_backoff": 1000}


@dramatiq.actor(**RETRIED)
def submit(job_id, prompt):
    _post("imagine", job_id, {"prompt": prompt})


@dramatiq.actor(**RETRIED)
def press(job_id, task_id, custom_id):
    _post("action", job_id, {"taskId": task_id, "customId": custom_id})


def _post(path, job_id, body):
    body |= {"state": job_id, "notifyHook": os.environ["PUBLIC"] + "/callback"}
    answer = session.post(f"{os.environ['PROVIDER']}/mj/submit/{path}", json=body, timeout=30)
    answer.raise_for_status()
    said = answer.json()
    if said["code"] in (1, 22):
        redis.hset(f"job:{job_id}", "task_id", said["result"])
    else:
        redis.hset(f"job:{job_id}", mapping={"status": "FAILURE", "error": said["description"]})
