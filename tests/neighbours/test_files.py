"""What other programs mean by what they write: links, files, settings."""

from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Response

from tests.neighbours.conftest import Seen
from tests.support.flow import flow
from tests.support.provider import Provider, providing
from worker.domain.job import Status
from worker.domain.result import AssetsStatus

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
