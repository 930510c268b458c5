"""Fills a store with copies of finished jobs that a script in Redis makes."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from time import time
from typing import Any

import redis

from tests.bench.seeds import Seeds
from tests.bench.stage import Stage
from worker.adapters.store import Batch
from worker.adapters.store.places import labels_of
from worker.domain.job import Job

BATCH, TENANT, METADATA = "0" * 31 + "b", "acme", ("order", "4711")
#: Jobs per call of the script.
_AT_ONCE = 200

#: ARGV: prefix, and as JSON: of (the template's id), task (its task id), labels, first (a number),
#: count, created (of the first; each of the next ones is a tenth of a second older).
_COPY = """
local asked = cjson.decode(ARGV[2])
local hash, fields = redis.call('HGETALL', job_key(asked.of)), {}
for n = 1, #hash, 2 do fields[hash[n]] = hash[n + 1] end
local template = read_place(fields.place)
for n = asked.first, asked.first + asked.count - 1 do
  local id, task = string.format('%032x', n), string.format('%016d', n)
  local created = string.format('%.1f', asked.created - (n - asked.first) / 10)
  local doc = string.gsub(string.gsub(fields.doc, asked.of, id), asked.task, task)
  doc = string.gsub(doc, '"created_at":[%d.]+', '"created_at":' .. created, 1)
  local text = string.gsub(fields.place, ',[%d.]+,', ',' .. created .. ',', 1)
  text = string.gsub(text, asked.task, task)
  redis.call('HSET', job_key(id), 'doc', doc, 'v', fields.v, 'place', text)
  if fields.money then redis.call('HSET', job_key(id), 'money', fields.money) end
  redis.call('ZADD', prefix .. 'jobs', created, id)
  redis.call('ZADD', prefix .. 'jobs:' .. template.status, created, id)
  redis.call('ZADD', prefix .. 'finished:' .. template.status, created, id)
  redis.call('HSET', prefix .. 'tasks:' .. template.of.account, task, id)
  if template.of.batch ~= '' then
    redis.call('RPUSH', prefix .. 'batch:' .. template.of.batch .. ':roots', id)
    redis.call('HINCRBY', prefix .. 'batch:' .. template.of.batch .. ':counts', template.status, 1)
  end
  list_job(id, read_place(text), asked.labels)
end
"""


@dataclass(frozen=True, slots=True)
class _Share:
    """Copies of one job."""

    of: Job
    count: int


def fill(stage: Stage, count: int) -> None:
    """Store ``count`` finished jobs: of every ten two in a batch, and one of a tenant, with
    metadata.
    """
    services = stage.services
    services.store.batches.open(Batch(BATCH, "a long one", time()))
    seeds = Seeds(services, stage.provider.url)
    shares = [
        _Share(seeds.finished(), count - count // 10 - count // 5),
        _Share(seeds.finished(batch_id=BATCH), count // 5),
        _Share(seeds.finished(tenant=TENANT, metadata=dict([METADATA])), count // 10),
    ]
    _copy(stage.redis, shares)
    while services.store.jobs.list_stored(10_000):
        pass


def _copy(client: "redis.Redis", shares: Sequence[_Share]) -> None:
    folder = files("worker.adapters.store").joinpath("lua")
    shared = [folder.joinpath(f"{name}.lua").read_text() for name in ("places", "listings")]
    script = client.register_script("\n".join((*shared, _COPY)))
    number, created = 1, time() - 3600
    for share in shares:
        left = share.count
        while left:
            count = min(left, _AT_ONCE)
            asked: dict[str, Any] = {"of": share.of.id, "task": share.of.task_id, "count": count}
            asked |= {"labels": labels_of(share.of), "first": number, "created": created}
            script(args=["hookline:", json.dumps(asked)])
            number, left, created = number + count, left - count, created - count / 10
