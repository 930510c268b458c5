"""Every payload of the corpus, read by eye and written down here."""

import pytest

from tests.support import corpus
from worker.adapters.provider.dialect import guess_dialect
from worker.adapters.provider.replies import read_reply, read_seed
from worker.adapters.provider.snapshots import read_task
from worker.adapters.provider.wire import UNREADABLE, read_json
from worker.domain.job_spec import Kind
from worker.domain.provider_reports import Outcome, Snapshot, TaskStatus

ACCEPTED, NEEDS_MODAL, EXISTS = Outcome.ACCEPTED, Outcome.NEEDS_MODAL, Outcome.EXISTS
NOT_YET, TRY_LATER = Outcome.NOT_YET, Outcome.TRY_LATER
PERMANENT, IN_DOUBT = Outcome.PERMANENT, Outcome.IN_DOUBT

#: file -> kind submitted, HTTP status, outcome, task id, error code
REPLIES = {
    "001": (Kind.IMAGINE, 200, ACCEPTED, "8498455807619990", None),
    "002": (Kind.CHANGE, 200, EXISTS, "0741798445574458", None),
    "003": (Kind.IMAGINE, 200, ACCEPTED, "0741798445574458", None),
    "004": (Kind.IMAGINE, 200, TRY_LATER, None, "queue_full"),
    "005": (Kind.IMAGINE, 200, PERMANENT, None, "moderated"),
    "006": (Kind.IMAGINE, 200, ACCEPTED, "0741798445574458", None),
    "007": (Kind.IMAGINE, 200, ACCEPTED, "8498455807619990", None),
    "008": (Kind.IMAGINE, 200, ACCEPTED, "0741798445574458", None),
    "009": (Kind.IMAGINE, 200, ACCEPTED, "14001929738841620", None),
    "010": (Kind.IMAGINE, 200, ACCEPTED, "14001929738841620", None),
    "011": (Kind.ACTION, 200, NEEDS_MODAL, "14001929738841620", None),
    "012": (Kind.IMAGINE, 200, ACCEPTED, "636646138", None),  # a seed's reply: see below
    "013": (Kind.CHANGE, 200, EXISTS, "0741798445574458", None),
    "014": (Kind.IMAGINE, 200, ACCEPTED, "0741798445574458", None),
    "015": (Kind.IMAGINE, 200, TRY_LATER, None, "queue_full"),
    "016": (Kind.IMAGINE, 200, PERMANENT, None, "moderated"),
    "017": (Kind.IMAGINE, 200, ACCEPTED, "1320098173412546", None),
    "018": (Kind.SWAP_FACE, 200, IN_DOUBT, None, "in_doubt"),
    "019": (Kind.UPLOAD, 200, IN_DOUBT, None, "in_doubt"),
    "020": (Kind.IMAGINE, 200, ACCEPTED, "1320098173412546", None),
    "021": (Kind.IMAGINE, 200, ACCEPTED, "task_1234567890", None),
    "022": (Kind.BLEND, 200, ACCEPTED, "task_blend_001", None),
    "023": (Kind.ACTION, 200, ACCEPTED, "modal-task-id-12345", None),
    "024": (Kind.VIDEO, 200, ACCEPTED, "1762547298152656", None),
    "033": (Kind.ACTION, 400, PERMANENT, None, "bad_parameter"),
    "050": (Kind.ACTION, 200, NEEDS_MODAL, "17381923542354", None),
    "065": (Kind.MODAL, 200, IN_DOUBT, None, "in_doubt"),
    "066": (Kind.IMAGINE, 401, PERMANENT, None, "unauthorized"),
    "068": (Kind.IMAGINE, 500, IN_DOUBT, None, "in_doubt"),
    "069": (Kind.IMAGINE, 200, IN_DOUBT, None, "in_doubt"),
    "074": (Kind.IMAGINE, 404, PERMANENT, None, "no_endpoint"),
    "075": (Kind.CHANGE, 200, NOT_YET, None, "not_found"),
    "076": (Kind.CHANGE, 200, NOT_YET, None, "parent_not_ready"),
    "077": (Kind.IMAGINE, 200, PERMANENT, None, "bad_parameter"),
    "078": (Kind.IMAGINE, 200, TRY_LATER, None, "provider_error"),
    "079": (Kind.IMAGINE, 200, TRY_LATER, None, "no_account"),
    "080": (Kind.IMAGINE, 400, PERMANENT, None, "quota"),
    "081": (Kind.ACTION, 400, NOT_YET, None, "not_found"),
    "082": (Kind.IMAGINE, 400, IN_DOUBT, None, "in_doubt"),
}

PENDING, SUBMITTED, IN_PROGRESS = TaskStatus.PENDING, TaskStatus.SUBMITTED, TaskStatus.IN_PROGRESS
SUCCEEDED, FAILED = TaskStatus.SUCCEEDED, TaskStatus.FAILED
CDN = "https://cdn.discordapp.com/attachments/"

#: file -> task id, status, progress, state, start of the picture's URL, start of the prompt
TASKS = {
    "001": ("14001929738841620", SUCCEEDED, 100, None, CDN + "xxx/xxx/xxxx.png", "Cat"),
    "002": ("14001929738841620", SUCCEEDED, 100, None, CDN, "1️⃣ Cat"),
    "003": ("8498455807628990", IN_PROGRESS, 0, "test:22", None, None),
    "004": ("8498455807628990", IN_PROGRESS, None, "test:22", None, None),
    "005": ("8498455807628990", IN_PROGRESS, None, "test:22", None, None),
    "006": ("8498455807628990", IN_PROGRESS, None, "test:22", None, None),
    "007": ("8498455807628990", IN_PROGRESS, None, "test:22", None, None),
    "008": ("8498455807628990", IN_PROGRESS, None, "test:22", None, None),
    "009": ("8498455807628990", SUCCEEDED, 100, "test:22", CDN, "Cat"),
    "010": ("8498455807628990", IN_PROGRESS, None, "test:22", None, None),
    "011": ("8498455807628990", IN_PROGRESS, None, "test:22", None, None),
    "012": ("8498455807628990", IN_PROGRESS, None, "test:22", None, None),
    "013": ("3856553004865376", SUCCEEDED, 100, "test:22", "https://cdn.discordapp", "1️⃣ xxx1"),
    "014": ("3856553004865376", SUCCEEDED, 100, "test:22", "https://cdn.discordapp", "1️⃣ xxx1"),
    "015": ("3856553004865376", SUCCEEDED, 100, "test:22", "https://cdn.discordapp", "1️⃣ xxx1"),
    "016": ("14001929738841620", SUCCEEDED, 100, None, CDN, "Cat"),
    "017": ("14001929738841620", SUCCEEDED, 100, None, CDN, "1️⃣ Cat"),
    "018": ("1689252749098647", SUCCEEDED, 100, None, None, "## Important tokens"),
    "019": ("1689253263953453", SUCCEEDED, 100, None, None, "## Important tokens"),
    "020": ("task_1234567890", IN_PROGRESS, 65, None, None, None),
    "021": ("task_1234567890", SUCCEEDED, 100, None, CDN, "a beautiful sunset over"),
    "022": ("task_1234567890", SUCCEEDED, 100, None, CDN, None),
    "023": ("task_0987654321", IN_PROGRESS, 40, None, None, None),
    "024": ("task_abc123", SUCCEEDED, 100, None, "https://cdn.example.com/", "a beautiful sunset"),
    "027": ("string", PENDING, None, "string", None, None),
    "028": ("8498455807619990", SUCCEEDED, 100, None, CDN, "A beautiful sunset"),
    "029": ("8498455807619990", SUBMITTED, None, None, None, None),
    "030": ("8498455807619990", SUCCEEDED, 100, None, None, "A beautiful sunset"),
    "031": ("1705298817774894", SUCCEEDED, 100, None, CDN, "cute little duckling"),
    "032": ("1705301507336856", SUCCEEDED, 100, None, CDN, "a dog --v 6.0 --s 250"),
    "033": ("1705305488385054", SUCCEEDED, 100, None, CDN, "Overhead drone view"),
    "034": ("1705305919492541", SUCCEEDED, 100, None, CDN, "a tall, rocky mountain"),
    "035": ("1705308810603472", SUCCEEDED, 100, None, CDN, "a pig --v 6.0"),
    "036": ("1705310583960676", SUCCEEDED, 100, None, CDN, "Dragon sleeping on clouds"),
    "037": ("1705322474985695", SUCCEEDED, 100, None, CDN, "Dragon sleeping on clouds"),
    "038": ("1705322516641400", SUCCEEDED, 100, None, CDN, "a bird --v 6.0"),
    "039": ("1705322771285873", SUCCEEDED, 100, None, CDN, "Dragon sleeping on clouds"),
    "040": ("1705544036857582", SUCCEEDED, 100, None, CDN, "a dog"),
    "050": ("1712158011464906", IN_PROGRESS, 65, None, None, None),
    "051": ("string", PENDING, None, "string", None, None),
    "054": (None, FAILED, None, None, None, None),
}

NO_TASKS = {"025", "026"}  # a film's and a song's callback to the same kind of hook

GUESSES = dict.fromkeys(["020", "021", "022", "023", "024"], "crazyrouter")
GUESSES |= dict.fromkeys([f"{n:03}" for n in range(31, 41)], "novicezk")
GUESSES |= {"027": "gateway", "050": "gateway"}


def task(name: str) -> Snapshot:
    return read_task(corpus.value("callbacks", name))


def test_every_file_has_its_line() -> None:
    assert set(REPLIES) == set(corpus.names("submit_responses"))
    assert set(TASKS) | NO_TASKS == set(corpus.names("callbacks"))


@pytest.mark.parametrize("name", REPLIES)
def test_reply(name: str) -> None:
    kind, status, outcome, task_id, code = REPLIES[name]
    verdict = read_reply(kind, status, corpus.body("submit_responses", name))
    assert (verdict.outcome, verdict.task_id) == (outcome, task_id)
    assert (verdict.error.code if verdict.error else None) == code
    if verdict.error:
        assert verdict.error.message
        assert verdict.error.hint


@pytest.mark.parametrize("name", TASKS)
def test_task(name: str) -> None:
    task_id, status, progress, state, picture, prompt = TASKS[name]
    found = task(name)
    assert found.recognised
    assert (found.task_id, found.status, found.progress) == (task_id, status, progress)
    assert found.state == state
    for text, start in ((found.result.image_url, picture), (found.result.prompt, prompt)):
        assert text is None if start is None else text and text.startswith(start)


@pytest.mark.parametrize("name", sorted(NO_TASKS))
def test_no_task(name: str) -> None:
    assert not task(name).recognised


@pytest.mark.parametrize("name", corpus.names("callbacks"))
def test_guess(name: str) -> None:
    assert guess_dialect(corpus.value("callbacks", name)) == GUESSES.get(name)


@pytest.mark.parametrize("name", corpus.names("submit_responses"))
def test_guess_from_a_reply(name: str) -> None:
    written_by_gateway = {"033", "068", "080", "081", "082"}
    expected = "gateway" if name in written_by_gateway else None
    value = read_json(corpus.body("submit_responses", name))
    assert guess_dialect(value) == expected


def test_an_existing_task_brings_its_picture() -> None:
    verdict = read_reply(Kind.CHANGE, 200, corpus.body("submit_responses", "002"))
    assert verdict.result is not None
    assert verdict.result.image_url == "https://xxxx"


def test_seed() -> None:
    assert read_seed(200, corpus.value("submit_responses", "012")).seed == "636646138"
    assert not read_seed(400, corpus.value("submit_responses", "081")).lasting, "a gateway lags"


def test_a_page_is_not_json_and_speaks_by_its_title() -> None:
    page = corpus.body("submit_responses", "074")
    assert read_json(page) is UNREADABLE
    error = read_reply(Kind.IMAGINE, 404, page).error
    assert error is not None
    assert error.message == "404: This page could not be found"


def test_failure_without_an_id() -> None:
    error = task("054").error
    assert error is not None
    assert (error.code, error.message) == ("bad_parameter", "Invalid Form Body")


@pytest.mark.parametrize("name", ["002", "017"])
def test_describe(name: str) -> None:
    found = task(name).result
    assert found.prompts == tuple(f"Cat{n} --ar 5:4" for n in ("", 2, 3, 4))
    assert found.text is not None
    assert found.text.startswith("1️⃣ Cat --ar 5:4\n\n2️⃣")


@pytest.mark.parametrize("name", ["013", "014", "015"])
def test_describe_of_old(name: str) -> None:
    assert task(name).result.prompts == tuple(f"xxx{n} --ar 5:4" for n in (1, 2, 3, 4))


@pytest.mark.parametrize(("name", "last"), [("018", "appdash appdash"), ("019", "appdash app")])
def test_shorten(name: str, last: str) -> None:
    found = task(name).result
    assert found.prompts == (
        "appdash appdash, draftsmanship, commission for, ethereal, toonami",
        "appdash appdash, draftsmanship, commission, toonami",
        "appdash appdash, draftsmanship, toonami",
        "appdash appdash, toonami",
        last,
    )
    assert found.text is not None
    assert found.text.startswith("## Important tokens")


def test_buttons() -> None:
    buttons = task("021").result.buttons
    assert buttons is not None
    assert [button.label for button in buttons] == [f"{k}{n}" for k in "UV" for n in (1, 2, 3, 4)]
    assert buttons[0].custom_id == "MJ::JOB::upsample::1::abc123"
    assert task("016").result.buttons == ()
    assert task("001").result.buttons is None
    assert task("020").result.buttons is None  # not finished: not said yet
