"""Every index of the store recomputed from its records, and held against what is stored.

The key map is on top of ``worker/adapters/store/lua/commit.lua``.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import redis

from worker.adapters.store import codec
from worker.adapters.store.places import ANY, FORMAT, Place, labels_of, place_of, tasks_of
from worker.domain.account.billing import charges, paid_tasks
from worker.domain.account.capacity import pool_of
from worker.domain.blob_refs import blobs_of
from worker.domain.job import Job, Status
from worker.domain.notifications import DeliveryState, Notification

#: What a job's next submission costs.
Price = Callable[[Job], int]

#: How often a store is read before it counts as one that never rests.
_TRIES = 20
#: Indexes of which every key is recomputed, so that a key too many is noticed as well.
_WHOLE = ("jobs", "double_payments", "due", "held_back", "running", "ready", "parked", "heads",
          "pipeline", "finished", "notifications", "outbox")  # fmt: skip
#: Likewise, those that the first version did not keep.
_LATER = ("tenant_jobs", "tenant_batches", "tenant_notifications", "tenant_inputs", "kind_jobs",
          "account_jobs", "batch_jobs", "label_jobs")  # fmt: skip
_ALL = {*_WHOLE, *_LATER, "listings", "relisted", "job", "waiting", "guards", "turns", "batches",
        "lanes", "tasks", "accepted", "batch", "money", "account", "paused", "notification",
        "inputs", "forgotten", "receiving", "workers", "once", "unbooked", "refused", "api_tokens",
        "api_secrets", "audit", "token_requests", "token_spent", "called", "history",
        "metrics", "inbox", "alerts", "doctor", "trip"}  # fmt: skip


@dataclass(frozen=True)
class Snapshot:
    """Every key of a store, without its prefix; texts, and zsets as ids with scores."""

    keys: Mapping[str, Any]

    @classmethod
    def read(cls, client: "redis.Redis", prefix: str) -> "Snapshot":
        """All keys at one moment: workers may still deliver, count and expire meanwhile."""
        for _ in range(_TRIES):
            if found := cls._of_a_moment(client, prefix):
                return found
        raise RuntimeError("the keys changed all the time")

    @classmethod
    def _of_a_moment(cls, client: "redis.Redis", prefix: str) -> "Snapshot | None":
        """None where a key was made after the names were read."""
        names = [key.decode() for key in client.scan_iter(f"{prefix}*", count=10_000)]
        kinds = _kinds(client, names)
        moment = client.pipeline()  # a transaction
        moment.keys(f"{prefix}*")
        for name, kind in kinds.items():
            _ask_for(moment, name, kind)
        there, *values = moment.execute()
        present = {key.decode() for key in there}
        if not present <= kinds.keys():
            return None
        found = zip(kinds, map(_text, values), strict=True)
        return cls({n.removeprefix(prefix): v for n, v in found if n in present})

    @cached_property
    def jobs(self) -> Mapping[str, Job]:
        """Every job, by id."""
        return {k[4:]: codec.load(v["doc"]) for k, v in self.keys.items() if k.startswith("job:")}

    @cached_property
    def places(self) -> Mapping[str, Place]:
        """Where every job belongs."""
        return {job_id: place_of(job) for job_id, job in self.jobs.items()}

    @cached_property
    def notifications(self) -> Mapping[str, Notification]:
        """Every notification, by id."""
        found = {k[13:]: v for k, v in self.keys.items() if k.startswith("notification:")}
        return {each: codec.notifications.load(v["doc"]) for each, v in found.items()}

    def of(self, family: str) -> dict[str, Any]:
        """The keys ``family`` and ``family:...``."""
        return {k: v for k, v in self.keys.items() if k.partition(":")[0] == family}

    def members(self, family: str) -> set[str]:
        """Whoever is in one of these keys; of a hash its values."""
        found = self.of(family).values()
        return {each for v in found for each in (v.values() if family in _HASHES else v)}

    def leftovers(self) -> dict[str, frozenset[str]]:
        """The ids in every index of jobs that are not over."""
        families = {
            "the due set": "due",
            "the queue": "ready",
            "those held back": "held_back",
            "the slots": "running",
            "the guards": "guards",
            "the heads": "heads",
            "the parked": "parked",
        }
        return {name: frozenset(self.members(family)) for name, family in families.items()}

    def disagreements(
        self,
        price: Price,
        *,
        gone: Sequence[Job] | None = None,
        unguarded: Collection[str] | None = None,
        former: Collection[str] = (),
        later: bool = True,
    ) -> list[str]:
        """What the indexes say that the records do not, in words.

        ``gone``: the jobs that were forgotten, as they were last; None: not known, if any were.
        ``unguarded``: those that may run without holding their prompt; None: any. ``former``: those
        that a version wrote which kept no index of what is held back or past its deadline.
        ``later``: whether no job is of a version that kept no index of what tenants have, and none
        behind listings.
        """
        if gone is None and not self.of("forgotten"):
            gone = ()
        return list(_Check(self, price, gone, unguarded, former, later).found())

    def miscounted(self) -> list[str]:
        """What the commits' counters say that the records do not, in words; no job is forgotten."""
        counted: Counter[str] = Counter()
        for name, number in self.keys.get("metrics", {}).items():
            metric, *labels = name.split("|")
            counted[f"{labels[2]} jobs" if metric == "jobs_ended" else metric] += int(number)
        jobs = self.jobs.values()
        wanted = {
            "succeeded jobs": sum(job.status is Status.SUCCEEDED for job in jobs),
            "tasks_accepted": sum(map(paid_tasks, jobs)),
            "double_payments": sum(len(job.double_payments) for job in jobs),
        }
        return [
            f"{name}: {counted[name]} are counted, and {number} in the records"
            for name, number in wanted.items()
            if counted[name] != number
        ]


_HASHES = ("guards", "heads")


@dataclass(frozen=True)
class _Check:
    stored: Snapshot
    price: Price
    gone: Sequence[Job] | None
    unguarded: Collection[str] | None
    former: Collection[str]
    later: bool

    def found(self) -> Iterator[str]:
        keys = self.stored.keys
        yield from (f"{key} is no key of ours" for key in keys if key.partition(":")[0] not in _ALL)
        expected = {**self._listings(), **self._running(), **self._ready(), **self._outbox()}
        expected |= {**self._tenants(), **self._indexes()} if self.later else {}
        for family in (*_WHOLE, *_LATER) if self.later else _WHOLE:
            expected |= dict.fromkeys(self.stored.of(family).keys() - expected.keys())
        expected |= {**self._hashes(), **self._batches(), **self._sums()}
        for key, wanted in expected.items():
            stored = _like(wanted, keys.get(key))
            if stored != (wanted or None):
                yield f"{key} is {stored}, and must be {wanted}"
        yield from self._guards()
        yield from self._lanes()
        yield from self._tasks()
        yield from self._order()
        yield from self._histories()

    def _histories(self) -> Iterator[str]:
        """A history goes with its job."""
        known = {f"history:{job_id}" for job_id in self.stored.jobs}
        yield from (f"{key} is of no job" for key in self.stored.of("history").keys() - known)

    def _listings(self) -> dict[str, Any]:
        jobs = self.stored.jobs.values()
        found: dict[str, Any] = defaultdict(dict)
        open_ = Counter(job.spec.pipeline_id for job in jobs if not job.settled)
        for job in jobs:
            found["jobs"][job.id] = found[f"jobs:{job.status}"][job.id] = job.spec.created_at
            if job.double_payments:
                found["double_payments"][job.id] = job.spec.created_at
            if job.id == job.spec.pipeline_id and not open_[job.id]:
                found.setdefault(f"finished:{job.status}", set()).add(job.id)
            if job.id != job.spec.pipeline_id:
                found.setdefault(f"pipeline:{job.spec.pipeline_id}", set()).add(job.id)
            if job.held_back and job.id not in self.former:
                found[f"held_back:{job.account or ANY}"][job.id] = job.spec.created_at
        due = {job.id for job in jobs if job.due_at is not None}
        due |= {job.id for job in jobs if job.look_at is not None and job.id not in self.former}
        return {**found, "due": due}

    def _tenants(self) -> dict[str, Any]:
        found: dict[str, Any] = defaultdict(dict)
        for job in self.stored.jobs.values():
            if tenant := job.options.tenant:
                found[f"tenant_jobs:{tenant}"][job.id] = job.spec.created_at
                held = found.setdefault(f"tenant_inputs:{tenant}", Counter())
                held.update(blobs_of(job))
        for one in self.stored.notifications.values():
            if one.tenant:
                found[f"tenant_notifications:{one.tenant}"][one.id] = one.created_at
        for batch_id in self.stored.keys.get("batches", {}):
            batch = codec.batches.load(self.stored.keys[f"batch:{batch_id}"]["doc"])
            if batch.tenant:
                found[f"tenant_batches:{batch.tenant}"][batch_id] = batch.created_at
        return found

    def _indexes(self) -> dict[str, Any]:
        found: dict[str, Any] = defaultdict(dict)
        for job in self.stored.jobs.values():
            keys = [f"kind_jobs:{job.kind}", *(f"label_jobs:{each}" for each in labels_of(job))]
            keys += [f"account_jobs:{job.account}"] if job.account else []
            keys += [f"batch_jobs:{job.spec.batch_id}"] if job.spec.batch_id else []
            for key in keys:
                found[key][job.id] = job.spec.created_at
        return found

    def _running(self) -> dict[str, Any]:
        found: dict[str, Any] = defaultdict(set)
        for job in self.stored.jobs.values():
            if job.holds_slot:
                found[f"running:{pool_name(job)}"].add(job.id)
        return found

    def _ready(self) -> dict[str, Any]:
        """Of the ready jobs with one prompt the first is offered, and the others are parked."""
        heads = self.stored.keys.get("heads", {})
        found: dict[str, Any] = defaultdict(dict)
        for job_id, place in self.stored.places.items():
            prompt = f"{place.lane.account}|{place.concurrency_key}"
            if not place.ready:
                continue
            if place.concurrency_key and heads.get(prompt) != job_id:
                found.setdefault(f"parked:{prompt}", set()).add(job_id)
                found["heads"].setdefault(prompt, "a ready one")
                continue
            found[f"ready:{place.turn}|{'|'.join(place.lane)}"][job_id] = place.created_at
            if place.concurrency_key:
                found["heads"][prompt] = job_id
        return found

    def _outbox(self) -> dict[str, Any]:
        found: dict[str, Any] = defaultdict(dict)
        for one in self.stored.notifications.values():
            for index in ("notifications", f"notifications:{one.state}"):
                found[index][one.id] = one.created_at
            if one.state is DeliveryState.WAITING:
                found.setdefault(f"outbox:{one.ordering_key}", set()).add(one.id)
        queues = [v for k, v in self.stored.of("outbox").items() if k != "outbox"]
        return {**found, "outbox": {queue[0] for queue in queues}}

    def _hashes(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        families = defaultdict(list)
        for job in self.stored.jobs.values():
            families[job.spec.pipeline_id].append(job)
        for job in self.stored.jobs.values():
            stored, place = self.stored.keys[f"job:{job.id}"], self.stored.places[job.id]
            text = place.as_json
            if not self.later and not stored["place"].endswith(f",{FORMAT}]"):
                text = text.removesuffix(f",{FORMAT}]") + "]"  # not listed yet
            expected = {**stored, "v": str(job.version), "place": text}
            money = charges(job, self.price(job))
            expected |= {"money": codec.dump_json(money).decode() if money else None}
            family = families[job.id]
            open_ = str(sum(not each.settled for each in family)) if len(family) > 1 else None
            expected |= {"open": open_}
            found[f"job:{job.id}"] = {k: v for k, v in expected.items() if v is not None}
        for one in self.stored.notifications.values():
            key = f"notification:{one.id}"
            told = {"v": str(one.version), "state": one.state.value, "line": one.ordering_key}
            found[key] = {**self.stored.keys[key], **told}
        waiting = Counter(
            pool_name(self.stored.jobs[job_id]) for job_id in self.stored.members("ready")
        )
        return {**found, "waiting": waiting}

    def _batches(self) -> dict[str, Any]:
        if self.gone is None:
            return {}
        found: dict[str, Any] = {}
        here = {job.spec.batch_id for job in self.stored.jobs.values()} - {None}
        for batch in here:
            jobs = [j for j in (*self.stored.jobs.values(), *self.gone) if j.spec.batch_id == batch]
            key = f"batch:{batch}"
            found[f"{key}:counts"] = Counter(job.status.value for job in jobs)
            found[f"{key}:errors"] = Counter(filter(None, (place_of(job).error for job in jobs)))
            found[f"{key}:roots"] = {job.id for job in jobs if job.id == job.spec.pipeline_id}
            open_ = sum(not job.settled for job in jobs)
            found[key] = {**self.stored.keys.get(key, {}), "open": str(open_)}
        return found

    def _sums(self) -> dict[str, Any]:
        held = Counter(blob for job in self.stored.jobs.values() for blob in blobs_of(job))
        if self.gone is None:
            return {"inputs": held}
        left = Counter(job.status.value for job in self.gone)
        left += Counter(f"double:{job.account}" for job in self.gone if job.double_payments)
        return {**self._money(self.gone), "forgotten": left, "inputs": held}

    def _money(self, gone: Sequence[Job]) -> dict[str, Counter[str]]:
        found: dict[str, Counter[str]] = defaultdict(Counter)
        for key in self.stored.of("money"):
            found[key] = Counter()
        batches = {job.spec.batch_id for job in self.stored.jobs.values()}
        for job in (*self.stored.jobs.values(), *gone):
            for charge in charges(job, self.price(job)):
                scopes = {
                    "day": charge.day,
                    "account": charge.account,
                    "tenant": job.options.tenant,
                }
                scopes["batch"] = (job.spec.batch_id or "") if job.spec.batch_id in batches else ""
                for scope, name in scopes.items():
                    if name:
                        found[f"money:{scope}:{name}"][charge.standing.value] += charge.amount
        return found

    def _guards(self) -> Iterator[str]:
        """Who keeps a prompt for itself runs; all others that run with one may not."""
        holders = {
            (key.partition(":")[2], prompt): job_id
            for key, found in self.stored.of("guards").items()
            for prompt, job_id in found.items()
        }
        running = {
            job.id: (job.account, self.stored.places[job.id].concurrency_key)
            for job in self.stored.jobs.values()
            if job.holds_slot and self.stored.places[job.id].concurrency_key
        }
        for prompt, holder in holders.items():
            if running.get(holder) != prompt:
                yield f"{holder} keeps the prompt {prompt}, and does not run with it"
        for job_id, prompt in running.items():
            known = self.unguarded is None or job_id in self.unguarded
            if holders.get(prompt) != job_id and not known:
                yield f"{job_id} runs with the prompt of {holders.get(prompt)}"

    def _lanes(self) -> Iterator[str]:
        """Whoever waits is found from the turns down."""
        keys = self.stored.keys
        for job_id in self.stored.members("ready"):
            place = self.stored.places[job_id]
            turn, batch, lane = place.turn, place.lane.batch, "|".join(place.lane)
            way = (("turns", turn), (f"batches:{turn}", batch), (f"lanes:{turn}|{batch}", lane))
            for key, member in way:
                if member not in keys.get(key, {}):
                    yield f"{job_id} is ready, and {key} lacks {member!r}"

    def _tasks(self) -> Iterator[str]:
        """A task leads to a job that has it; to none where it was also one of a forgotten job."""
        gone = {task for job in self.gone or () for task in tasks_of(job)}
        for job in self.stored.jobs.values():
            found = self.stored.keys.get(f"tasks:{job.account}", {}).get(job.task_id)
            if job.task_id and found is None and (job.account, job.task_id) not in gone:
                yield f"nothing leads from {job.account}'s {job.task_id} to {job.id}"
        for key, tasks in self.stored.of("tasks").items():
            for task_id, job_id in tasks.items():
                job_of = self.stored.jobs.get(job_id)
                if job_of is None or (key.partition(":")[2], task_id) not in tasks_of(job_of):
                    yield f"{key}: {task_id} leads to {job_id}"

    def _order(self) -> Iterator[str]:
        """Parents come before children."""
        for key, ids in self.stored.of("pipeline").items():
            seen = {key.partition(":")[2]}
            for job_id in ids:
                if (job := self.stored.jobs.get(job_id)) and job.spec.parent_id not in seen:
                    yield f"{key}: {job_id} comes before its parent"
                seen.add(job_id)


def pool_name(job: Job) -> str:
    """The account (``*``: any); films are counted apart."""
    account = job.account or ANY
    return f"{account}:{pool_of(job)}" if job.makes_film else account


def _like(wanted: Any, stored: Any) -> Any:
    """What is stored, in the form in which it is recomputed; empty is as good as not there."""
    if isinstance(wanted, Counter):
        numbers = {name: int(number) for name, number in (stored or {}).items()}
        return Counter({name: number for name, number in numbers.items() if number}) or None
    if isinstance(wanted, set) and len(set(stored or ())) == len(stored or ()):
        return set(stored or ()) or None
    return stored or None


def _kinds(client: "redis.Redis", names: Sequence[str]) -> dict[str, str]:
    """The types of those keys that are still there."""
    pipe = client.pipeline(transaction=False)
    for name in names:
        pipe.type(name)
    kinds = (kind.decode() for kind in pipe.execute())
    return {name: kind for name, kind in zip(names, kinds, strict=True) if kind != "none"}


def _ask_for(pipe: Any, name: str, kind: str) -> None:
    match kind:
        case "string":
            pipe.get(name)
        case "hash":
            pipe.hgetall(name)
        case "list":
            pipe.lrange(name, 0, -1)
        case "set":
            pipe.smembers(name)
        case "stream":
            pipe.xlen(name)
        case _:
            pipe.zrange(name, 0, -1, withscores=True)


def _text(value: Any) -> Any:
    match value:
        case bytes():
            return value.decode()
        case dict():
            return {_text(k): _text(v) for k, v in value.items()}
        case set():
            return {_text(each) for each in value}
        case [(bytes(), float()), *_]:
            return {each.decode(): score for each, score in value}
        case list():
            return [_text(each) for each in value]
        case _:
            return value
