"""Other people's programs that a site is made of."""

import os
import shutil
from pathlib import Path

from tests.neighbours.servers import RABBITMQ

#: Debian's packages, by the program that we look for.
_PACKAGES = {
    "ip": "iproute2",
    "nft": "nftables",
    "nsenter": "util-linux",
    "haproxy": "haproxy",
    "redis-server": "redis-server",
    "redis-sentinel": "redis-sentinel",
    str(RABBITMQ): "rabbitmq-server",
    "cc": "gcc",
}


def missing() -> str | None:
    """What has to be installed first; None: all is there."""
    path = f"{os.environ['PATH']}:/usr/sbin:/sbin"
    packages = [
        package
        for program, package in _PACKAGES.items()
        if not (Path(program).exists() or shutil.which(program, path=path))
    ]
    return f"needs Debian's packages {' '.join(packages)}" if packages else None
