"""Which job an account shall start next, and why another may not: told from the records."""

from tests.support.indexes import Snapshot
from worker.adapters.store import Load
from worker.adapters.store.places import ANY, Place
from worker.domain.account.capacity import Capacity, pool_of
from worker.domain.job import Job

LEVEL = 2**32  #: between the ranks of lanes, and the priorities of turns


def load_of(stored: Snapshot, account: str) -> Load:
    """What the account has to do."""
    held = [j for j in stored.jobs.values() if j.holds_slot and j.account == account]
    ready = [stored.jobs[job_id] for job_id in stored.members("ready")]
    mine = [job for job in ready if job.account == account]
    anywhere = [job for job in ready if not job.account]
    counts = ((_images(jobs), len(jobs) - _images(jobs)) for jobs in (held, mine, anywhere))
    return Load(*(number for each in counts for number in each))


def why_waiting(stored: Snapshot, job: Job, capacity: Capacity) -> str | None:
    """As ``ReadyQueue.why_waiting``; no account here has a pace."""
    place = stored.places[job.id]
    if reason := _why_not(stored, job, place, capacity):
        return reason
    key = place.concurrency_key
    head = stored.keys.get("heads", {}).get(f"{place.lane.account}|{key}", job.id)
    runs = key in stored.keys.get(f"guards:{capacity.account}", {})
    return "prompt" if key and (runs or head != job.id) else None


def next_of(stored: Snapshot, capacity: Capacity) -> str | None:
    """The id of the job to start next: by turn, batch and lane as they were served, then by age."""
    ready = (stored.jobs[job_id] for job_id in stored.members("ready"))
    startable = [job for job in ready if why_waiting(stored, job, capacity) is None]
    return (
        min(startable, key=lambda job: _served(stored, stored.places[job.id], job)).id
        if startable
        else None
    )


def unfair(before: Snapshot, after: Snapshot, started: Place | None) -> list[str]:
    """What a commit did to the order of turns, batches and lanes that it must not have done.

    One that starts a job (which had the place ``started``) counts it for each of the three; a
    newcomer begins level with the next of its equals; all others stay as they were.
    """
    counted = dict(_way(started)) if started else {}
    wrong = []
    for key in (k for family in ("turns", "batches", "lanes") for k in after.of(family)):
        known, now = before.keys.get(key, {}), after.keys[key]
        for member, score in now.items():
            if member in known:
                expected = known[member] + (counted.get(key) == member)
            else:
                expected = _first(now, known, score)
            if score != expected:
                wrong.append(f"{key}: {member!r} is at {score}, and must be at {expected}")
    return wrong


def _first(now: dict[str, float], known: dict[str, float], score: float) -> float:
    low = score // LEVEL * LEVEL
    equals = (now[member] for member in known.keys() & now if now[member] // LEVEL * LEVEL == low)
    return min(equals, default=low)


def _why_not(stored: Snapshot, job: Job, place: Place, capacity: Capacity) -> str | None:
    lane, account = place.lane, capacity.account
    if lane.account not in (ANY, account):
        return "account"
    kinds = (f"kind:{kind}" for kind in lane.kind.split("/"))
    for what in (f"account:{account}", *kinds, f"batch:{lane.batch}"):
        if what in stored.keys.get("paused", ()):
            return f"paused:{what}"
    load = load_of(stored, account)
    running = load.films if job.makes_film else load.images
    if running >= capacity.slots(pool_of(job)):
        return "slots"
    price = capacity.price(lane.sort)
    budgets = {f"account:{account}": capacity.budget, f"day:{capacity.today}": capacity.day_budget}
    if job.options.tenant:
        tenants = capacity.tenant_budgets
        budgets[f"tenant:{job.options.tenant}"] = tenants.get(job.options.tenant, tenants.get("*"))
    given = stored.keys.get(f"batch:{lane.batch}", {}).get("budget")
    budgets[f"batch:{lane.batch}"] = int(given) if given else None
    for scope, limit in budgets.items():
        if price > 0 and limit is not None and used(stored, scope) + price > limit:
            return f"budget:{scope}"
    return None


def used(stored: Snapshot, scope: str) -> int:
    """What the scope's budget has to give already."""
    sums = {k: int(v) for k, v in stored.keys.get(f"money:{scope}", {}).items()}
    return sums.get("spent", 0) + sums.get("reserved", 0) - sums.get("refunded", 0)


def _way(place: Place) -> tuple[tuple[str, str], ...]:
    turn, batch = place.turn, place.lane.batch
    lanes = f"lanes:{turn}|{batch}"
    return ("turns", turn), (f"batches:{turn}", batch), (lanes, "|".join(place.lane))


def _served(stored: Snapshot, place: Place, job: Job) -> tuple[object, ...]:
    way = ((stored.keys[key][member], member) for key, member in _way(place))
    return (*(each for level in way for each in level), job.spec.created_at, job.id)


def _images(jobs: list[Job]) -> int:
    return sum(not job.makes_film for job in jobs)
