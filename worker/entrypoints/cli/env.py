"""`hookline env`: what another program has to be given to hand in jobs."""

import json
import shlex
from collections.abc import Iterator

import click

from config.broker_urls import Broker
from config.settings import Settings
from worker.adapters.local.private_redis import private_redis_url
from worker.adapters.local.running import PATIENCE_S, settings_here
from worker.entrypoints.cli.base import Command, Unreachable
from worker.entrypoints.cli.planning import local_url

_NO_REDIS = (
    "No Redis is set and no private one runs here. Start `hookline up` in this directory, or set "
    "HOOKLINE_REDIS_URL."
)


@click.command(
    cls=Command,
    examples=('eval "$(hookline env)"', "hookline env >> ../shop/.env"),
)
def env() -> None:
    """Print what an app has to be given: the API's address and token, the broker's URL for Celery.

    The lines are for a shell, or for a file that the app reads. They contain secrets.
    """
    settings = settings_here(patience_s=PATIENCE_S)
    redis_url = settings.redis_url or private_redis_url(settings.state_dir)
    if redis_url is None:
        raise Unreachable(_NO_REDIS)
    settings = settings_here(needs=("HOOKLINE_API_TOKEN",))
    click.echo("\n".join(_lines(settings, settings.broker(redis_url))))


def _lines(settings: Settings, broker: Broker) -> Iterator[str]:
    values = {
        "HOOKLINE_URL": settings.public_url or local_url(settings),
        "HOOKLINE_BROKER_URL": broker.url,
        "HOOKLINE_API_TOKEN": settings.api_token.get_secret_value(),
    }
    for name, value in values.items():
        yield f"export {name}={shlex.quote(value)}"
    if broker.options:
        yield f"# Celery needs broker_transport_options as well: {json.dumps(broker.options)}"
    if broker.use_ssl:
        yield "# Celery needs broker_use_ssl as well, with your files: see docs/deployment.md#redis"


COMMANDS: tuple[click.Command, ...] = (env,)
