"""An object store that speaks the real S3 protocol, on the loopback: moto's server."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from tests.support.processes import wait_for

BUCKET = "hookline-results"

_LISTENS = re.compile(r"Running on (http://127\.0\.0\.1:\d+)")


@dataclass(frozen=True, slots=True)
class S3:
    """A running store with one bucket. ``env``: what a program needs to use it."""

    env: dict[str, str]
    client: Any

    @property
    def url(self) -> str:
        """As HOOKLINE_STORAGE_URL takes it."""
        return f"s3://{BUCKET}/results"

    def names(self) -> dict[str, str]:
        """Every object of the bucket: its key and its ETag."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
        return {each["Key"]: each["ETag"] for page in pages for each in page.get("Contents", ())}

    def read(self, key: str) -> bytes:
        """The whole object."""
        data: bytes = self.client.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        return data

    def type_of(self, key: str) -> str:
        """What the object is served as."""
        found: str = self.client.head_object(Bucket=BUCKET, Key=key)["ContentType"]
        return found


#: What a program needs to use the store, but for its address.
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "canary-access-key",
    "AWS_SECRET_ACCESS_KEY": "canary-secret-key",
    "AWS_DEFAULT_REGION": "us-east-1",
}


def env_of(url: str) -> dict[str, str]:
    """What a program needs to use the store that listens there."""
    return {**CREDENTIALS, "NO_PROXY": "127.0.0.1", "AWS_ENDPOINT_URL": url}


def store_at(url: str) -> S3:
    """The store that listens there, with its bucket made."""
    env = env_of(url)
    client = boto3.client(
        "s3",
        endpoint_url=url,
        aws_access_key_id=env["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=env["AWS_SECRET_ACCESS_KEY"],
        region_name=env["AWS_DEFAULT_REGION"],
    )
    client.create_bucket(Bucket=BUCKET)
    return S3(env, client)


@contextmanager
def s3(log: Path) -> Iterator[S3]:
    """A store in a process of its own, which ends with the ``with``."""
    # Its port is its own choice: until it listens, one that is free now may be taken.
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]
    with log.open("wb") as out:
        server = subprocess.Popen(
            command, stdout=out, stderr=out, env={**os.environ, **CREDENTIALS}
        )
        try:
            wait_for(lambda: _LISTENS.search(log.read_text()), "the S3 server", 60)
            [url] = _LISTENS.findall(log.read_text())
            store = store_at(url)
            yield store
            store.client.close()
        finally:
            server.terminate()
            server.wait()
