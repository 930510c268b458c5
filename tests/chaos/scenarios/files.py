"""F21: pictures on their way into an object store."""

from collections.abc import Sequence

from tests.chaos.batching import BatchLoad
from tests.chaos.bucket import Watch, missing
from tests.chaos.scenario import Row, Run, Scenario
from tests.chaos.stage import Setup, Stage
from tests.chaos.trial import Findings, trial
from tests.support.s3 import s3
from worker.job import Job, Kind

#: A tenth of downloads fail, a tenth break off, and a tenth of links die within the time that a
#: worker takes to come.
FAULTS = (
    "--pictures-failed", "10%", "--pictures-cut", "10%", "--links-expired", "10%",
    "--link-seconds", "0-0.1", "--task-seconds", "0.2-0.6",
)  # fmt: skip

_GRID = ("picture", "tile", "tile", "tile", "tile", "thumbnail")
_SINGLE = ("picture", "thumbnail")


def _files_of(job: Job) -> Sequence[str]:
    return _GRID if job.kind is Kind.IMAGINE else _SINGLE


def into_s3(run: Run) -> Row:
    """Every object is there, whole, and to the byte what the provider drew."""
    roots = run.pick(10, 500)
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

        return trial(
            run,
            Setup(
                workers=2,
                sandbox=FAULTS,
                settings={"HOOKLINE_STORAGE_URL": store.url, **store.env},
            ),
            BatchLoad(roots, ({"press": "U1"},), defaults={"assets": {"tiles": True}}),
            watch,
            look=look,
            seconds=run.pick(120, 1200),
            at_least=run.pick(1, 200),
        )


SCENARIOS = (Scenario("F21", "pictures into S3, broken on the way", into_s3),)
