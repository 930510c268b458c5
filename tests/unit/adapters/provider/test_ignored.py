"""What a dialect would drop without a word is refused before anything is paid."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.drawing import draw
from tests.support.jobs import a_job
from tests.support.shell import Shell
from tests.support.starting import start_next
from worker.adapters.provider.dialect import ignored
from worker.adapters.storage.pictures import Picture, to_data_url
from worker.adapters.storage.storage import Storage
from worker.adapters.tokens import Tokens
from worker.domain.account import Account, Dialect
from worker.domain.errors import InvalidRequest
from worker.domain.job import Status
from worker.domain.job_spec import Kind
from worker.services.enqueue import Enqueuer
from worker.services.prepare import Preparer
from worker.services.submit import Submitter

NIJI = {"bot_type": "NIJI_JOURNEY"}
PNG = to_data_url(Picture("image/png", 8, 6, draw("PNG")))


@pytest.mark.parametrize(
    ("dialect", "kind", "request_", "mode", "names"),
    [
        ("novicezk", Kind.IMAGINE, NIJI, None, ["bot_type"]),
        ("novicezk", Kind.BLEND, NIJI, "relax", ["bot_type", "mode"]),
        ("novicezk", Kind.DESCRIBE, NIJI, None, ["bot_type"]),
        ("novicezk", Kind.IMAGINE, {"bot_type": "MID_JOURNEY"}, None, []),
        ("novicezk", Kind.IMAGINE, {}, "relax", []),
        ("novicezk", Kind.BLEND, {}, "relax", ["mode"]),
        ("novicezk", Kind.BLEND, {}, None, []),
        ("novicezk", Kind.CHANGE, {}, "relax", []),
        ("trueai", Kind.IMAGINE, NIJI, "relax", []),
        ("trueai", Kind.BLEND, NIJI, "relax", []),
        ("trueai", Kind.EDITS, {"mask": "blob:x.png"}, None, ["mask"]),
        ("trueai", Kind.EDITS, {}, None, []),
        ("trueai", Kind.MODAL, {"mask": "blob:x.png"}, None, []),
        ("gateway", Kind.IMAGINE, NIJI, "relax", []),
        ("gateway", Kind.EDITS, {"mask": "blob:x.png"}, None, []),
        ("crazyrouter", Kind.IMAGINE, NIJI, None, []),
        ("auto", Kind.IMAGINE, NIJI, None, []),
        ("auto", Kind.EDITS, {"mask": "blob:x.png"}, None, []),
    ],
)
def test_what_each_dialect_drops(
    dialect: str, kind: Kind, request_: dict[str, Any], mode: str | None, names: list[str]
) -> None:
    assert [name for name, _ in ignored(dialect, kind, request_, mode)] == names


def an_account(name: str, dialect: Dialect = "auto") -> Account:
    return Account(name, "http://127.0.0.1:9", dialect=dialect)


def enqueuer(shell: Shell, folder: Path) -> Enqueuer:
    return Enqueuer(shell.orchestrator, Storage(f"file://{folder}"))


def test_it_is_refused_by_name_before_anything_is_stored(tmp_path: Path) -> None:
    shell = Shell(an_account("main", "novicezk"))
    with pytest.raises(InvalidRequest, match=r"bot_type: novicezk knows no bot .* `--niji 6`"):
        enqueuer(shell, tmp_path).submit({"kind": "imagine", "prompt": "a cat", **NIJI})
    blend = {"kind": "blend", "images": [PNG, PNG], "mode": "relax", **NIJI}
    with pytest.raises(InvalidRequest) as refused:
        enqueuer(shell, tmp_path).submit(blend)
    assert [each.field for each in refused.value.errors] == ["bot_type", "mode"]
    assert shell.jobs() == []


def test_what_the_replies_taught_counts_like_a_setting(tmp_path: Path) -> None:
    shell = Shell(an_account("main"))
    shell.store.accounts.learn_dialect("main", "trueai")
    asked = {"kind": "edits", "prompt": "night", "image": PNG, "mask": PNG}
    with pytest.raises(InvalidRequest, match=r"mask: trueai's edits take none.*Vary \(Region\)"):
        enqueuer(shell, tmp_path).submit(asked)


def test_an_account_that_has_it_may_take_the_job_and_the_other_refuses_unpaid(
    tmp_path: Path,
) -> None:
    shell = Shell(an_account("bare", "novicezk"), an_account("full", "trueai"))
    storage = Storage(f"file://{tmp_path}")
    asked = {"kind": "imagine", "prompt": "a cat", **NIJI}
    job, _ = enqueuer(shell, tmp_path).submit(asked)
    submitter = Submitter(
        shell.orchestrator,
        shell.providers,
        Preparer(shell.orchestrator, Tokens(["secret"]), storage, None),
    )
    assert start_next(submitter, "bare")
    failed = shell.job(job)
    assert (failed.status, shell.providers["bare"].submitted) == (Status.FAILED, [])
    assert failed.error is not None
    assert failed.error.code == "bad_parameter"
    assert failed.error.message.startswith("bot_type: novicezk knows no bot")
    assert failed.error.message.endswith("(account bare)")
    shell.put(a_job(account="full", request={"prompt": "a dog", **NIJI}))
    assert start_next(submitter, "full")
    [(_, submission)] = shell.providers["full"].submitted
    assert submission.body["botType"] == "NIJI_JOURNEY"
