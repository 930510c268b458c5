"""What other programs mean by what they write: links, files, settings."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Response

from tests.neighbours.conftest import Seen
from tests.support.flow import flow
from tests.support.provider import Provider, providing
from worker.domain.batch.progress import Progress, whole
from worker.domain.batch.request import parse_batch
from worker.domain.job import Status
from worker.domain.result import AssetsStatus
from worker.services.batches import Batches

#: How a provider at ``127.0.0.1:port`` may write its own address.
ADDRESSES: dict[str, Callable[[int], str]] = {
    "localhost": lambda port: f"http://localhost:{port}",
    "0.0.0.0": lambda port: f"http://0.0.0.0:{port}",
    "a path": lambda _: "",
    "no scheme": lambda port: f"//127.0.0.1:{port}",
    "a bare host": lambda port: f"localhost:{port}",
}


def misled(provider: Provider, address: str) -> None:
    """Have the provider write ``address`` where its own should be."""

    def rewrite(response: Response) -> Response:
        if response.is_json:
            response.set_data(response.get_data(as_text=True).replace(provider.url, address))
        return response

    provider.sandbox.app.after_request(rewrite)


@pytest.mark.parametrize("way", ADDRESSES)
def test_a_gateways_idea_of_its_address_is_seen_through(
    way: str, tmp_path: Path, seen: Seen
) -> None:
    with (
        providing("gateway") as provider,
        flow(provider.url, tmp_path, hooked=False) as hookline,
    ):
        misled(provider, ADDRESSES[way](int(provider.url.rpartition(":")[2])))
        job = hookline.submit(kind="imagine", prompt="a lighthouse", then=[{"press": "U1"}])
        for done in hookline.finish(job):
            assert done.status is Status.SUCCEEDED
            assert done.result.assets_status is AssetsStatus.STORED, done.result.assets_error
            assert (done.result.image_url or "").startswith(f"{provider.url}/")
    seen(
        case=f"The links of a result name the provider's own machine: {way}",
        server="the sandbox, dialect gateway",
        result="the files were stored, and `image_url` has the account's address",
    )


def test_deleted_files_of_a_finished_job_are_fetched_again(tmp_path: Path) -> None:
    with (
        providing("gateway") as provider,
        flow(provider.url, tmp_path) as hookline,
    ):
        job = hookline.submit(kind="imagine", prompt="a lighthouse", assets={"tiles": True})
        (done,) = hookline.finish(job)
        kept = {each.path: (tmp_path / each.path).read_bytes() for each in done.result.files}
        for path in kept:
            (tmp_path / path).unlink()
        hookline.enqueuer.fetch_assets(job.id)
        (again,) = hookline.finish(job)
        assert again.result.assets_status is AssetsStatus.STORED
        assert again.result.files == done.result.files
        assert {path: (tmp_path / path).read_bytes() for path in kept} == kept
        assert len(provider.accepted) == 1, "nothing was paid for"


#: A file of orders, and what pandas 3.1.1 makes of it: `read_csv(...).to_csv(index=False)`.
ORDERS = """\
key,prompt,priority,order
1001,a cat,5,17
,a dog,,18
1003,a cow,7,
"""
BY_PANDAS = """\
key,prompt,priority,order
1001.0,a cat,5.0,17.0
,a dog,,18.0
1003.0,a cow,7.0,
"""


def test_a_file_that_went_through_pandas_is_not_paid_for_again(tmp_path: Path, seen: Seen) -> None:
    with (
        providing("gateway") as provider,
        flow(provider.url, tmp_path, hooked=False) as hookline,
    ):
        batches = Batches(hookline.orchestrator, hookline.enqueuer)

        def submit(text: str) -> Progress:
            asked = parse_batch({"name": "orders", "form": "csv"})
            taken = whole(batches.submit(asked, [text.encode()]))
            for root, _ in batches.jobs(batches.find("orders")):
                hookline.finish(root)
            return taken

        assert submit(ORDERS).new == 3
        again = submit(BY_PANDAS)
        assert (again.new, again.known, again.bad) == (0, 3, 0)
        assert len(provider.accepted) == 3
    seen(
        case="A batch's file went through pandas: `1001.0` for the key 1001, `17.0` for 17",
        server="pandas 3.1.1",
        result="its rows are those that the batch has; nothing was submitted again",
    )


def test_a_dotenv_by_powershell_is_one_error(tmp_path: Path, seen: Seen) -> None:
    settings = "HOOKLINE_PROVIDER_URL=https://api.example\r\nHOOKLINE_PROVIDER_KEY=hunter2\r\n"
    (tmp_path / ".env").write_bytes(settings.encode("utf-16"))
    env = {name: value for name, value in os.environ.items() if not name.startswith("HOOKLINE_")}
    for command in ("up", "worker", "web", "doctor"):
        ended = subprocess.run(
            [Path(sys.executable).with_name("hookline"), command],
            cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        said = ended.stdout + ended.stderr
        assert ended.returncode != 0
        assert said.count(".env") == 1, said
        assert "UTF-16, as PowerShell's > writes it; save it as UTF-8" in said
        assert "hunter2" not in said
        assert "Traceback" not in said
    seen(
        case="`.env` was written by PowerShell's `>`",
        server="UTF-16 with its mark, as PowerShell 5.1 writes it",
        result="nothing starts; one error names the file and what to type",
    )
