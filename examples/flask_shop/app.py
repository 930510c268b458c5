"""A shop: orders pictures over HTTP, and learns of their end by signed webhooks."""

import os
from typing import Any

from flask import Flask, request
from hookline_client import BadRequest, Hookline, InvalidSignature, verify

app = Flask(__name__)
hookline = Hookline()  # HOOKLINE_URL, HOOKLINE_API_TOKEN
SECRET = os.environ["HOOKLINE_NOTIFY_SECRET"]
SHOP_URL = os.environ["SHOP_URL"]

# A real shop has a database.
orders: dict[str, dict[str, Any]] = {}
seen: set[str] = set()


@app.post("/orders/<number>")
def order(number: str) -> Any:
    """Order a picture of four, and its first upscale."""
    try:
        job = hookline.submit(
            {
                "kind": "imagine",
                "prompt": request.form["prompt"],
                "then": [{"press": "U1"}],
                "metadata": {"order": number},
                "notify": {"url": f"{SHOP_URL}/hookline"},
            },
            key=f"order-{number}",
        )
    except BadRequest as wrong:
        return {"errors": list(wrong.errors)}, 400
    orders.setdefault(number, {"status": "ordered", "job": job["id"], "files": 0})
    return orders[number], 202


@app.get("/orders/<number>")
def show(number: str) -> Any:
    """What became of it."""
    return orders.get(number) or ({"error": "no such order"}, 404)


@app.post("/hookline")
def told() -> Any:
    """A notification: verified by its raw body, answered at once, counted once."""
    try:
        event = verify(request.get_data(), request.headers, SECRET)
    except InvalidSignature:
        return "", 400
    if request.headers["webhook-id"] not in seen and event["type"] == "pipeline.finished":
        jobs = event["data"]["jobs"] or hookline.pipeline(event["data"]["id"])["jobs"]
        order = orders[str(jobs[0]["metadata"]["order"])]
        order["status"] = event["data"]["status"]
        order["files"] = sum(len(job["result"]["assets"]) for job in jobs)
    seen.add(request.headers["webhook-id"])
    return "", 204
