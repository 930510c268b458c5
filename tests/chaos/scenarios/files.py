"""F21: pictures on their way into an object store."""

from collections.abc import Sequence
from dataclasses import replace

from tests.chaos.batching import BatchLoad
from tests.chaos.bucket import Watch, missing
from tests.chaos.scenario import Row, Run, Scenario
from tests.chaos.stage import Setup, Stage
from tests.chaos.trial import Findings, trial
from tests.support.s3 import s3
from worker.domain.job import Job
from worker.domain.job_spec import Kind

_GRID = ("picture", "tile", "tile", "tile", "tile", "thumbnail")
_SINGLE = ("picture", "thumbnail")


def _faults(share: str) -> tuple[str, ...]:
    """Of downloads that fail, that break off, and of links that die before a worker comes."""
    named = ("--pictures-failed", "--pictures-cut", "--links-expired")
    faults = [word for name in named for word in (name, share)]
    return (*faults, "--link-seconds", "0-0.1", "--task-seconds", "0.2-0.6")


def _files_of(job: Job) -> Sequence[str]:
    return _GRID if job.kind is Kind.IMAGINE else _SINGLE


def into_s3(run: Run) -> Row:
    """Every object is there, whole, and to the byte what the provider drew."""
    roots = run.pick(10, 500)
    run.folder.mkdir(exist_ok=True)
    with s3(run.folder / "s3.log") as store:
        watch = Watch(store)

        def look(stage: Stage, jobs: Sequence[Job]) -> Findings:
            problems = watch.look()
            objects = watch.objects

            def drawn(job: Job) -> str | None:
                told = stage.ask_sandbox("sandbox", f"digests/{job.task_id}")
                digest: str | None = told["sha256"]
                return digest

            problems += missing(jobs, objects, drawn, each=_files_of)
            if len(jobs) != 2 * roots:
                problems.append(f"{len(jobs)} jobs instead of {2 * roots}")
            size = sum(map(len, objects.values())) / 1024**2
            figures = (
                f"{len(objects):,} objects, {size:.1f} MiB, all of them as drawn; the bucket was "
                f"listed {watch.looks:,} times, and no half-written object seen."
            )
            return Findings(tuple(problems), "" if problems else figures)

        setup = Setup(
            workers=2,
            sandbox=_faults("30%" if run.without else "10%"),
            settings={"HOOKLINE_STORAGE_URL": store.url, **store.env},
        )
        if run.without:
            orders = ("--orders", str(run.folder / "orders"), "--without", ",".join(run.without))
            setup = replace(setup, worker=("tests.chaos.broken", "worker", *orders))
        return trial(
            run,
            setup,
            BatchLoad(roots, ({"press": "U1"},), defaults={"assets": {"tiles": True}}),
            watch,
            look=look,
            # Without a protection there is nothing to wait for.
            seconds=20 if run.without else run.pick(120, 1200),
            at_least=run.pick(1, 200),
        )


SCENARIOS = (Scenario("F21", "pictures into S3, broken on the way", into_s3),)
