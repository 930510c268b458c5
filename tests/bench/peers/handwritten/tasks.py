"""What people write: Celery tasks that submit, with retries; `state` is our own id."""

import os

from celery import Celery
from redis import Redis
from requests import RequestException, Session
from requests.adapters import HTTPAdapter

app = Celery("tasks", broker=f"{os.environ['REDIS']}/4")
app.conf.task_ignore_result = True
redis = Redis.from_url(f"{os.environ['REDIS']}/5", decode_responses=True)
session = Session()
session.mount("http://", HTTPAdapter(pool_maxsize=16))

retried = app.task(autoretry_for=(RequestException,), retry_backoff=True, max_retries=3)


@retried
def submit(job_id, prompt):
    _post("imagine", job_id, {"prompt": prompt})


@retried
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
