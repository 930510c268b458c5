"""Submits images through Celery and gets a Celery task back when they are done."""

import json
import os
import sys
from pathlib import Path
from typing import Any

from celery import Celery

app = Celery("shop", broker=os.environ["HOOKLINE_BROKER_URL"])
app.conf.task_ignore_result = True
READY = Path("ready")


def order(number: str, prompt: str) -> None:
    """Order a picture and its first upscale; the same number again changes nothing."""
    app.send_task(
        "hookline.imagine",
        queue="hookline",
        kwargs={
            "prompt": prompt,
            "then": [{"press": "U1"}],
            "job_key": f"order-{number}",
            "metadata": {"order": number},
            "notify": {"celery_task": "shop.image_ready", "queue": "shop"},
        },
    )


@app.task(name="shop.image_ready", acks_late=True)
def image_ready(event: dict[str, Any]) -> None:
    """The pipeline of an order is over. This may come twice, so it writes the same file again."""
    root = event["data"]["jobs"][0]
    pictures = [path for job in event["data"]["jobs"] for path in job["result"]["assets"]]
    READY.mkdir(exist_ok=True)
    found = {"status": event["data"]["status"], "pictures": pictures}
    (READY / f"{root['metadata']['order']}.json").write_text(json.dumps(found))


if __name__ == "__main__":
    order(sys.argv[1], sys.argv[2])
