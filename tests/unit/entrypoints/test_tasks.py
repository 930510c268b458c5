"""The Celery tasks of the door: what becomes of a message while Redis is away."""

from typing import Any

import pytest
from celery.exceptions import Retry

from config.broker_urls import Broker
from worker.adapters.messaging.broker import make_celery
from worker.domain.errors import StoreUnavailable
from worker.entrypoints.door import register_kinds


class _Anything:
    """Services that are not asked."""

    def __getattr__(self, name: str) -> Any:
        return _Anything()

    def acting_for(self, _caller: Any) -> Any:
        return self

    def submit(self, *_: Any, **__: Any) -> None:
        raise StoreUnavailable


@pytest.mark.parametrize("retries", [0, 3, 1000])
def test_a_job_is_tried_until_redis_is_back_and_only_over_our_queue(retries: int) -> None:
    app = make_celery(Broker("memory://"))
    services: Any = _Anything()
    register_kinds(app, services)
    task = app.tasks["hookline.imagine"]
    # It came over an exchange that has other queues as well.
    came = {"exchange": "everybody", "routing_key": "pictures.fox", "redelivered": False}
    task.push_request(
        id="a", retries=retries, called_directly=False, delivery_info=came, kwargs={}, args=()
    )
    try:
        with pytest.raises(Retry) as caught:
            task.run(prompt="a red fox")
    finally:
        task.pop_request()
    signature: Any = vars(caught.value)["sig"]
    assert signature is not None
    assert signature.options["queue"] == "hookline"
    assert "exchange" not in signature.options
