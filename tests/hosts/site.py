"""A site: two web hosts behind a proxy, three worker hosts, three each of Redis and RabbitMQ.

The store of pictures and the provider have a host each.
"""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import requests

from tests.chaos.system import System
from tests.chaos.waiting import wait_for
from tests.hosts.host import Host, watched
from tests.hosts.network import Network
from tests.hosts.programs import (
    NAMES,
    RABBITMQ,
    REDIS,
    WEB,
    WORKERS,
    Addresses,
    install,
    settings_of,
)
from tests.hosts.rabbitmq_hosts import LOOK_EVERY_S, START_S, RabbitmqHosts
from tests.hosts.redis_hosts import RedisHosts
from tests.support.s3 import S3, store_at
from worker.entrypoints.cli.http import answers

#: Seconds for everything but RabbitMQ.
_START_S = 240.0


class Site(System):
    """A running site. ``hosts``: by name. ``pictures``: the store of the results' files."""

    def __init__(
        self,
        folder: Path,
        settings: Mapping[str, str],
        network: Network,
        hosts: Mapping[str, Host],
        *,
        redis_hosts: RedisHosts,
        rabbitmq_hosts: RabbitmqHosts,
    ) -> None:
        self.at = Addresses(hosts)
        super().__init__(
            folder,
            settings,
            redis_url=redis_hosts.url(),
            web_url=self.at.public,
            sandboxes=self.at.sandboxes,
        )
        self.network = network
        self.hosts = hosts
        self.redis_hosts = redis_hosts
        self.rabbitmq_hosts = rabbitmq_hosts
        self.pictures: S3 | None = None

    def web_ready(self) -> bool:
        """Whether each web host has its Redis and its broker, and the proxy reaches one."""
        return all(answers(f"{url}/readyz") for url in self.at.web) and self._proxy_answers()

    def boot(self) -> None:
        """Stores first: programs that find none would only wait and try again."""
        for name in (*REDIS, "pictures", "provider"):
            self.hosts[name].boot()
        self.rabbitmq_hosts.boot()
        wait_for(self.redis_hosts.in_step, "two replicas", _START_S)
        for url in (*self.sandboxes.values(), f"{self.at.pictures}/moto-api/data.json"):
            wait_for(lambda url=url: _listens(url), url, _START_S)  # type: ignore[misc]
        self.pictures = store_at(self.at.pictures)
        # A queue that is declared before is on the nodes that are there then.
        wait_for(self.rabbitmq_hosts.whole, "a cluster", START_S, LOOK_EVERY_S)
        for name in ("proxy", *WEB, *WORKERS):
            self.hosts[name].boot()
        wait_for(self.web_ready, "the web hosts", _START_S)
        wait_for(lambda: self.services.roster.workers() == len(WORKERS), "the workers", _START_S)

    def _proxy_answers(self) -> bool:
        with suppress(requests.RequestException):
            headers = {"Authorization": f"Bearer {self.api_token}"}
            return requests.get(f"{self.web_url}/v1/jobs?limit=1", headers=headers, timeout=5).ok
        return False


@contextmanager
def site(
    folder: Path, seed: int, settings: Mapping[str, str], rabbitmq_nodes: int
) -> Iterator[Site]:
    """Set up in the empty ``folder``, ready for jobs; everything has ended afterwards.

    ``settings``: HOOKLINE_* beside or instead of the site's own.
    """
    with Network(NAMES) as network:
        hosts = {name: Host(network, name, folder, folder / "logs") for name in NAMES}
        redis_hosts = RedisHosts([hosts[name] for name in REDIS])
        rabbitmq_hosts = RabbitmqHosts([hosts[name] for name in RABBITMQ[:rabbitmq_nodes]])
        common = settings_of(folder, hosts, redis_hosts.url(), rabbitmq_hosts.url(), settings)
        made = Site(
            folder,
            common,
            network,
            hosts,
            redis_hosts=redis_hosts,
            rabbitmq_hosts=rabbitmq_hosts,
        )
        install(folder, hosts, common, seed)
        with watched([*hosts.values()]):
            try:
                made.boot()
                yield made
            finally:
                network.heal()
                _end(hosts)
                made.redis.close()


def _end(hosts: Mapping[str, Host]) -> None:
    """Workers and web processes in good order, then the stores that they need, at once."""
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda name: hosts[name].shut_down(), (*WORKERS, *WEB)))
    for host in hosts.values():
        host.shut_down(grace_s=0)


def _listens(url: str) -> bool:
    with suppress(requests.RequestException):
        return bool(requests.get(url, timeout=5).status_code)
    return False
