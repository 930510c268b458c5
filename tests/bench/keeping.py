"""What a finished job costs Redis."""

from tests.bench.rows import Row
from tests.bench.seeds import Seeds
from tests.bench.stage import Stage


def memory_of_jobs(stage: Stage, count: int) -> Row:
    """All keys of ``count`` finished imagines, each with its buttons, task id and pipeline."""
    stage.clear()
    seeds = Seeds(stage.services, stage.provider.url)
    for _ in range(count):
        seeds.finished()
    pipe = stage.redis.pipeline(transaction=False)
    for key in stage.redis.scan_iter(count=1000):
        pipe.memory_usage(key, samples=0)
    used = sum(pipe.execute()) / count / 1024
    return Row(f"Redis memory of a finished job, of {count:,}", "KiB", used).below(4.25)
