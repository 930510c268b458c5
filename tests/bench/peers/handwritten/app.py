"""What people write: a Flask app that takes prompts and callbacks, beside a Celery worker."""

from uuid import uuid4

from flask import Flask, request
from tasks import press, redis, submit

app = Flask(__name__)


@app.post("/jobs")
def create():
    job_id = uuid4().hex
    redis.hset(f"job:{job_id}", mapping={"kind": "imagine", "status": "QUEUED"})
    submit.delay(job_id, request.json["prompt"])
    return {"id": job_id}, 202


@app.post("/callback")
def callback():
    task = request.json
    key = f"job:{task['state']}"
    job = redis.hgetall(key)
    if not job:
        return "unknown", 404
    if job["status"] in ("SUCCESS", "FAILURE"):
        return "known"
    news = {"status": task["status"], "progress": task["progress"], "image": task["imageUrl"] or ""}
    redis.hset(key, mapping=news)
    if task["status"] == "SUCCESS" and job["kind"] == "imagine":
        for button in task["buttons"]:
            if button["label"].startswith("U"):
                child = uuid4().hex
                new = {"kind": "upscale", "status": "QUEUED", "parent": task["state"]}
                redis.hset(f"job:{child}", mapping=new)
                press.delay(child, task["id"], button["customId"])
    return "ok"


@app.get("/done")
def done():
    found = [redis.hget(key, "status") for key in redis.scan_iter("job:*", count=1000)]
    return {"done": found.count("SUCCESS")}
