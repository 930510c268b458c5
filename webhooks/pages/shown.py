"""PURE. Jobs and pipelines as the pages show them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from webhooks.pages.frames import asked_frame
from worker.adapters.store.trees import Tree
from worker.domain import buttons, dry_run
from worker.domain.account import Account
from worker.domain.account.billing import Standing, charges, total
from worker.domain.account.callback_stats import sort_of
from worker.domain.job import Job, Status
from worker.domain.job_ids import plain_id
from worker.domain.job_spec import JobSpec, Kind
from worker.domain.lifecycle.doubting import submitted_again
from worker.domain.lifecycle.moves import followed
from worker.domain.money import Amount
from worker.domain.result import AssetsStatus, Button, StoredFile

#: What a picture measures before it is known: that of the default aspect ratio.
_UNKNOWN = (1, 1)
#: Buttons by the keys that press them; with Shift those of a variation.
_KEYS: Mapping[str, str] = {f"U{n}": f"{n}" for n in range(1, 5)} | {
    **{f"V{n}": f"Shift+{n}" for n in range(1, 5)},
    "reroll": "r",
}

#: The path below which stored pictures are, for those who are signed in.
PICTURES = "/pictures"

Accounts = Mapping[str, Account]


@dataclass(frozen=True, slots=True)
class Picture:
    """One of a job's stored files. ``small``: its thumbnail, or itself. ``colour``: what stands
    there until it arrives, as ``#rrggbb``.
    """

    url: str
    small: str
    width: int
    height: int
    film: bool
    colour: str | None = None


@dataclass(frozen=True, slots=True)
class PricedButton:
    """A button as its provider names it. ``key``: on the keyboard; ``region``: it wants a mask."""

    name: str
    price: Amount
    key: str = ""
    region: bool = False


@dataclass(frozen=True, slots=True)
class Shown:
    """A job with what is drawn of it. ``cost``: spent, reserved and to come."""

    job: Job
    pictures: tuple[Picture, ...]
    cost: Amount
    depth: int = 0

    @property
    def picture(self) -> Picture | None:
        """The main one."""
        return self.pictures[0] if self.pictures else None

    @property
    def without(self) -> str:
        """Why there is no picture: ``text``, ``none`` (not stored), ``later`` or ``never``."""
        if self.job.status is not Status.SUCCEEDED:
            return "never" if self.job.status.terminal else "later"
        if self.job.result.text is not None or self.job.result.prompts:
            return "text"
        return "later" if self.job.result.assets_status is AssetsStatus.PENDING else "none"


@dataclass(frozen=True, slots=True)
class ShownTree:
    """A pipeline: its root and its other jobs, each after its parent."""

    id: str
    root: Shown
    others: tuple[Shown, ...]
    hidden: int
    version: int

    @property
    def jobs(self) -> tuple[Shown, ...]:
        """All of them."""
        return (self.root, *self.others)

    @property
    def cost(self) -> Amount:
        """Of all that are shown."""
        return sum(each.cost for each in self.jobs)

    def frame(self, one: Shown) -> tuple[int, int]:
        """Width and height of the job's picture, or in proportion as they will be: as its prompt
        asks, or like those of what it follows.
        """
        known = {each.job.id: each for each in self.jobs}
        above: Shown | None = one
        while above:
            if above.picture:
                return above.picture.width, above.picture.height
            if asked := asked_frame(above.job):
                return asked
            above = known.get(above.job.spec.parent_id or "")
        return _UNKNOWN

    @property
    def open(self) -> bool:
        """Whether one of its jobs is not over, or its files are still to come."""
        return any(not each.job.settled for each in self.jobs)


def tree(of: Tree, accounts: Accounts, place: str = PICTURES) -> ShownTree:
    """The pipeline as it is shown; its root is the first job that the caller sees."""
    root, *others = _in_order(of.jobs)
    return ShownTree(
        of.id,
        shown(root[0], accounts, place=place),
        tuple(shown(each, accounts, depth, place) for each, depth in others),
        of.hidden,
        of.version,
    )


def chosen(jobs: tuple[Shown, ...], wanted: str | None) -> Shown:
    """The job with this id, else the root."""
    job_id = plain_id(wanted) if wanted else None
    return next((each for each in jobs if each.job.id == job_id), jobs[0])


def shown(job: Job, accounts: Accounts, depth: int = 0, place: str = PICTURES) -> Shown:
    """The job as it is shown; ``place``: the path below which its pictures are."""
    found = charges(job, dry_run.next_price(job, accounts))
    spent, refunded = total(found, Standing.SPENT), total(found, Standing.REFUNDED)
    coming = total(found, Standing.RESERVED) + total(found, Standing.ESTIMATED)
    return Shown(job, tuple(_pictures(job, place)), spent - refunded + coming, depth)


def priced(job: Job, accounts: Accounts) -> tuple[PricedButton, ...]:
    """The buttons of a succeeded job, each with what it costs on the job's account."""
    if job.status is not Status.SUCCEEDED:
        return ()
    account = accounts.get(job.account)
    names = {buttons.name_of(each): each for each in job.result.buttons or ()}
    return tuple(_priced(name, each, account) for name, each in names.items())


@dataclass(frozen=True, slots=True)
class DoubtPrices:
    """What each way to settle a doubt costs. ``sent``: the submit in doubt, if it was accepted;
    ``again``: another one.
    """

    sent: Amount
    again: Amount


def price_with_all(job: Job, accounts: Accounts) -> Amount:
    """What a job that is not sent yet costs with its follow-ups, on its account or the dearest."""
    able = [accounts[job.account]] if job.account in accounts else list(accounts.values())
    return dry_run.quote([job], able).total


def doubt_prices(job: Job, accounts: Accounts) -> DoubtPrices:
    """What a job in doubt costs, either way."""
    return DoubtPrices(followed(job).price, dry_run.next_price(submitted_again(job), accounts))


def _priced(name: str, button: Button, account: Account | None) -> PricedButton:
    spec = JobSpec(Kind.ACTION, {"button": name, "custom_id": button.custom_id})
    price = account.price(sort_of(Job("", spec, account=""))) if account else 0
    return PricedButton(name, price, _KEYS.get(name, ""), buttons.wants_mask(button.custom_id))


def picture_url(job: Job, number: int, place: str = PICTURES) -> str:
    """Where the job's file of this number is; the URL changes with its content."""
    return f"{place}/{job.id}/{number}-{job.result.files[number].sha256[:12]}"


def _pictures(job: Job, place: str) -> Iterator[Picture]:
    """Tiles after the picture that they are cut from."""
    files = job.result.files
    small = {
        _stem(each).removesuffix("-thumb"): i for i, each in enumerate(files) if _is_thumb(each)
    }
    colours = dict(zip(job.result.assets, job.result.colours, strict=False))
    for number, file in enumerate(files):
        if not _is_thumb(file):
            width, height = (file.width, file.height) if file.width and file.height else _UNKNOWN
            least = small.get(_stem(file), number)
            film = file.of == "video"
            url, small_url = picture_url(job, number, place), picture_url(job, least, place)
            shown = f"#{colour}" if (colour := colours.get(file.path)) else None
            yield Picture(url, small_url, width, height, film and least == number, shown)


def _is_thumb(file: StoredFile) -> bool:
    return file.of == "thumbnail"


def _stem(file: StoredFile) -> str:
    return str(PurePosixPath(file.path).with_suffix(""))


def _in_order(jobs: Iterable[Job]) -> list[tuple[Job, int]]:
    """The jobs with their depth, each after its parent and before its younger siblings."""
    listed = list(jobs)
    known = {job.id for job in listed}
    below: dict[str | None, list[Job]] = {}
    for job in listed:
        parent = job.spec.parent_id if job.spec.parent_id in known else None
        below.setdefault(parent, []).append(job)
    found, left = list[tuple[Job, int]](), [(job, 0) for job in reversed(below.get(None, ()))]
    while left:
        job, depth = left.pop()
        found.append((job, depth))
        left += [(child, depth + 1) for child in reversed(below.get(job.id, ()))]
    return found
