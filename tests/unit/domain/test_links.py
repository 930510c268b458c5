"""The links of a result, as we can follow them."""

from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.support.jobs import a_snapshot, in_status
from worker.adapters.storage import fetching
from worker.domain import links
from worker.domain.account import Account
from worker.domain.errors import PictureError
from worker.domain.events import Cancelled, LinksRenewed, Observed, Replied
from worker.domain.job import Job, Status
from worker.domain.provider_reports import Outcome, TaskStatus, Verdict
from worker.domain.result import Result

GATEWAY = "https://gw.example"
RELAXED = "https://gw.example/mj-relax"
MOUNTED = "https://host.example:8443/proxy/mj-fast"
LOCAL = "http://127.0.0.1:3000"


@pytest.mark.parametrize(
    ("account", "written", "meant"),
    [
        # Its own idea of its address.
        (GATEWAY, "http://localhost:3000/mj/image/1", "https://gw.example/mj/image/1"),
        (
            GATEWAY,
            "http://127.0.0.1:8080/mj/image/1?rand=2",
            "https://gw.example/mj/image/1?rand=2",
        ),
        (GATEWAY, "https://localhost/mj/image/1", "https://gw.example/mj/image/1"),
        (GATEWAY, "http://LOCALHOST:3000/a.png", "https://gw.example/a.png"),
        (GATEWAY, "http://localhost.:3000/a.png", "https://gw.example/a.png"),
        (GATEWAY, "http://mj.localhost:3000/a.png", "https://gw.example/a.png"),
        (GATEWAY, "http://127.9.9.9/a.png", "https://gw.example/a.png"),
        (GATEWAY, "http://[::1]:3000/a.png", "https://gw.example/a.png"),
        (GATEWAY, "http://[::ffff:127.0.0.1]:3000/a.png", "https://gw.example/a.png"),
        (GATEWAY, "http://0.0.0.0:8080/a.png", "https://gw.example/a.png"),
        (GATEWAY, "http://[::]:8080/a.png", "https://gw.example/a.png"),
        (GATEWAY, "http://user:word@localhost:3000/a.png", "https://gw.example/a.png"),
        (GATEWAY, "http://localhost:3000//evil.example/a", "https://gw.example//evil.example/a"),
        (GATEWAY, "http://localhost:3000", "https://gw.example/"),
        (GATEWAY, "http://localhost:PORT/a.png", "https://gw.example/a.png"),
        (GATEWAY, "localhost:3000/mj/image/1", "https://gw.example/mj/image/1"),
        (GATEWAY, "http://gw.example/mj/image/1", "https://gw.example/mj/image/1"),
        (MOUNTED, "http://host.example/a.png", "https://host.example:8443/a.png"),
        # A path only.
        (GATEWAY, "/mj/image/1", "https://gw.example/mj/image/1"),
        (GATEWAY, "/mj/image/1?rand=2#part", "https://gw.example/mj/image/1?rand=2"),
        (GATEWAY, "/files/0_0.png", "https://gw.example/files/0_0.png"),
        (GATEWAY, "files/0_0.png", "https://gw.example/files/0_0.png"),
        (GATEWAY, "gw.example/mj/image/1", "https://gw.example/mj/image/1"),
        # A mode belongs to submits; /mj is where the account has it.
        (RELAXED, "/mj/image/1", "https://gw.example/mj/image/1"),
        (RELAXED, "http://localhost:3000/mj/image/1", "https://gw.example/mj/image/1"),
        (RELAXED, "/mj-relax/mj/image/1", "https://gw.example/mj-relax/mj/image/1"),
        (RELAXED, "files/a.png", "https://gw.example/files/a.png"),
        (MOUNTED, "/mj/image/1", "https://host.example:8443/proxy/mj/image/1"),
        (MOUNTED, "http://localhost:8080/mj/image/1", "https://host.example:8443/proxy/mj/image/1"),
        (MOUNTED, "/proxy/mj/image/1", "https://host.example:8443/proxy/mj/image/1"),
        (MOUNTED, "/files/a.png", "https://host.example:8443/files/a.png"),
        # Without a scheme.
        (GATEWAY, "//cdn.example/a.png", "https://cdn.example/a.png"),
        (LOCAL, "//cdn.example/a.png", "http://cdn.example/a.png"),
        (GATEWAY, "//localhost:3000/a.png", "https://gw.example/a.png"),
        # A provider on this machine: itself if the port is the same, else a neighbour.
        (LOCAL, "http://localhost:3000/mj/image/1", "http://127.0.0.1:3000/mj/image/1"),
        (LOCAL, "http://0.0.0.0:3000/mj/image/1", "http://127.0.0.1:3000/mj/image/1"),
        (LOCAL, "http://127.0.0.1:9000/a.png", "http://127.0.0.1:9000/a.png"),
        (LOCAL, "/mj/image/1", "http://127.0.0.1:3000/mj/image/1"),
        ("http://localhost", "http://127.0.0.1:80/a.png", "http://localhost/a.png"),
        # Whatever else: as it is, and checked like any address.
        (GATEWAY, "https://cdn.example/a.png?ex=1#x", "https://cdn.example/a.png?ex=1#x"),
        (GATEWAY, "http://cdn.example/a.png", "http://cdn.example/a.png"),
        (GATEWAY, "http://gw.example:8080/a.png", "http://gw.example:8080/a.png"),
        (GATEWAY, "http://10.0.0.5/a.png", "http://10.0.0.5/a.png"),
        (GATEWAY, "//169.254.169.254/latest", "https://169.254.169.254/latest"),
        (GATEWAY, "ftp://localhost/a.png", "ftp://localhost/a.png"),
        (GATEWAY, "data:image/png;base64,AAAA", "data:image/png;base64,AAAA"),
        (GATEWAY, "file:///etc/passwd", "file:///etc/passwd"),
        (GATEWAY, "http://[::1", "http://[::1"),
        (GATEWAY, "http:///a.png", "http:///a.png"),
    ],
)
def test_a_link_is_what_the_provider_means_by_it(account: str, written: str, meant: str) -> None:
    assert links.resolved(written, account) == meant
    assert links.resolved(meant, account) == meant, "and stays so"


@pytest.mark.parametrize(
    "written",
    [
        "//169.254.169.254/latest/meta-data",
        "//[fd00::1]/a.png",
        "//user@cdn.example/a.png",
        "http://169.254.169.254/latest",
        "https://10.0.0.5/a.png",
        "\t//169.254.169.254/",
        "/\t/169.254.169.254/",
        "http://127.1/a.png",
        "file:///etc/passwd",
    ],
)
def test_an_address_that_only_we_can_reach_stays_refused(written: str) -> None:
    with pytest.raises(PictureError):
        fetching.fetch(
            links.resolved(written, GATEWAY), allowed_hosts=(), max_bytes=1, deadline_s=0.01
        )


@example("// ")
@example("//0 ")
@given(st.text(alphabet="/:.@?#[]%\\ \t\nahlost0123456789gw", max_size=40))
def test_no_text_is_resolved_to_another_machine_than_it_names(written: str) -> None:
    meant = links.resolved(written, GATEWAY)
    host = meant.removeprefix("https://").partition("/")[0]
    assert meant == written or host == "gw.example" or host in "".join(written.split())


RESULT = Result(
    image_url="/mj/image/1",
    image_urls=("/0_0.png", "http://localhost:3000/0_0.png"),
    video_urls=("//cdn.example/0.mp4",),
)
RESOLVED = Result(
    image_url="https://gw.example/mj/image/1",
    image_urls=("https://gw.example/0_0.png",),
    video_urls=("https://cdn.example/0.mp4",),
)
ACCOUNTS = {"main": Account("main", GATEWAY), "other": Account("other", "https://other.example")}


def a_job() -> Job:
    return replace(in_status(Status.SUBMITTED), account="main")


@pytest.mark.parametrize(
    ("event", "resolved"),
    [
        (LinksRenewed(RESULT), LinksRenewed(RESOLVED)),
        (
            Observed(a_snapshot(TaskStatus.SUCCEEDED, result=RESULT)),
            Observed(a_snapshot(TaskStatus.SUCCEEDED, result=RESOLVED)),
        ),
        (
            Replied(9, Verdict(Outcome.DONE, result=RESULT)),
            Replied(9, Verdict(Outcome.DONE, result=RESOLVED)),
        ),
        (Replied(1, Verdict(Outcome.ACCEPTED, "t1")), Replied(1, Verdict(Outcome.ACCEPTED, "t1"))),
        (Cancelled(), Cancelled()),
    ],
)
def test_every_link_of_every_report_is_resolved(event: object, resolved: object) -> None:
    assert links.absolute(event, a_job(), ACCOUNTS) == resolved  # type: ignore[arg-type]


def test_an_attempts_links_are_those_of_the_account_that_it_was_submitted_to() -> None:
    job = a_job()
    job = replace(job, attempts=(replace(job.attempts[0], account="other"),))
    event = Observed(a_snapshot(TaskStatus.SUCCEEDED, result=RESULT), attempt=1)
    seen = links.absolute(event, job, ACCOUNTS)
    assert isinstance(seen, Observed)
    assert seen.snapshot.result.image_url == "https://other.example/mj/image/1"


def test_links_of_an_account_that_is_no_longer_set_stay_as_they_are() -> None:
    event = LinksRenewed(RESULT)
    assert links.absolute(event, a_job(), {}) is event
