"""SHELL. Where notifications may go."""

from collections.abc import Collection

from worker.domain.destinations import ANYWHERE, Destinations
from worker.domain.errors import AddressError, InvalidRequest
from worker.domain.job_spec import Notify


def check_destination(
    target: Notify | None, hosts: Collection[str], celery: Destinations = ANYWHERE
) -> None:
    """Raise ``InvalidRequest`` for a URL, Celery task or queue that notifications may not go to.

    ``hosts``: those that may be private, and reached by plain http.
    """
    if target is None:
        return
    celery.check(target)
    if target.url is None:
        return
    from worker.adapters.http import safe  # noqa: PLC0415  # slow to import, and rarely needed

    try:
        safe.check_url(target.url, allowed_hosts=hosts)
    except AddressError as error:
        message = f"{error}. If it is yours, name the host in HOOKLINE_ALLOWED_HOSTS"
        raise InvalidRequest.of("notify.url", message) from None
