"""PURE. How the doctor judges the machinery: settings, Redis, broker, clock, storage, links."""

from collections.abc import Iterator, Mapping, Sequence
from errno import EACCES, EDQUOT, ENOSPC, EROFS

from config.proxies import Proxies
from worker.adapters.messaging.keys import BrokenKey
from worker.adapters.redis_version import is_too_old
from worker.adapters.store.clock import TOLERATED_S
from worker.adapters.store.durability import Durability, Vitals
from worker.domain.findings import Finding, Verdict
from worker.domain.wording import counted

_MIB = 1024 * 1024
#: Less free space than this is worth a warning: the largest file may have 100 MiB.
_ROOM = 200 * _MIB
#: The share of its memory that Redis may use without a warning.
_FULL = 0.9
#: Milliseconds of a round trip to Redis: a callback takes about four of them.
_SLOW_MS = 20.0
#: Different characters of a secret below which somebody made it up; random ones have 20 and more.
_VARIED = 10
_MADE_UP = ("secret", "password", "changeme", "example", "hookline", "token", "12345", "qwerty")

START = "Start `hookline up` in this directory, or `hookline web` and `hookline worker`."

_PAID_AGAIN = "and with them that a POST had left: such a job may be paid for twice"
_MAKE_ONE = 'python3 -c "import secrets; print(secrets.token_urlsafe(32))"'


def secrets(given: Mapping[str, Sequence[str]]) -> Iterator[Finding]:
    """Which secrets could be guessed, or stand for each other; by the name of their setting."""
    owner = dict[str, str]()
    for name, values in given.items():
        for value in values:
            if _is_guessable(value):
                message = f"{name} was not made at random, so it can be guessed"
                yield Finding("secrets", "warn", message, f"Set another one: {_MAKE_ONE}")
            if owner.setdefault(value, name) != name:
                message = f"{name} is the same as {owner[value]}: who learns one has both"
                yield Finding("secrets", "warn", message, f"Set another one: {_MAKE_ONE}")


def _is_guessable(secret: str) -> bool:
    varied = len(set(secret)) >= _VARIED
    return not varied or any(word in secret.lower() for word in _MADE_UP)


def unverified(names: Sequence[str]) -> Iterator[Finding]:
    """Settings whose servers are connected to without asking who they are."""
    for name in names:
        message = f"{name} switches the check of the server's certificate off"
        advice = "Anyone in between can read the password. Name the server's authority instead: "
        yield Finding("settings", "warn", message, f"{advice}ssl_ca_certs=/path/to/ca.pem")


def environment(foreign: Sequence[str], proxies: Proxies) -> Iterator[Finding]:
    """Which variables of other programs are set, and which proxy is used."""
    if foreign:
        message = f"these variables have no effect on Hookline: {', '.join(foreign)}"
        yield Finding("environment", "ok", message)
    used = {f"{proxy.place} ({proxy.name})" for proxy in proxies.by_scheme.values()}
    if used:
        bypass = f", not for {proxies.bypass} (NO_PROXY)" if proxies.bypass else ""
        message = f"{' and '.join(sorted(used))}, not for this machine{bypass}"
        yield Finding("proxy", "ok", message)


def folder(namesakes: Sequence[str]) -> Iterator[Finding]:
    """Whether programs that run in this folder can import Hookline."""
    if namesakes:
        message = f"{' and '.join(namesakes)}: not used by Hookline, but found first by programs"
        advice = (
            "`import worker` does not work in a program that runs here: give Hookline jobs over "
            "HTTP or as Celery tasks such as `hookline.imagine`."
        )
        yield Finding("folder", "ok", f"{message} that run here", advice)


def no_account() -> Finding:
    """No provider is set."""
    advice = (
        "Set HOOKLINE_PROVIDER_URL, or HOOKLINE_ACCOUNTS for several; or start `hookline up` for "
        "the sandbox."
    )
    return Finding("provider", "fail", "none is set", advice)


def durability(found: Durability, replicas: int = 0) -> Finding:
    """Whether the jobs, and what was paid for them, outlive a crash, a power cut and a fail-over.

    ``replicas``: how many must have a change before it counts.
    """
    verdict, message, advice = _replication(found, replicas) or _durability(found)
    version = f"version {found.version}" if found.version else "answers, without its version"
    return Finding("redis", verdict, f"{version}{message}", advice)


def _replication(found: Durability, wanted: int) -> tuple[Verdict, str, str | None] | None:
    """What is wrong with the replicas, if they are known."""
    if wanted and found.replicas is None:
        message = " refuses WAIT, which HOOKLINE_REDIS_REPLICAS needs"
        advice = "Give its user the right to WAIT (+wait), or set HOOKLINE_REDIS_REPLICAS=0."
        return "fail", message, advice
    have = found.replicas or 0
    if have < wanted:
        message = f" has {have} replicas in step; nothing is submitted with fewer than {wanted}"
        return "fail", message, "Mend the replicas, or lower HOOKLINE_REDIS_REPLICAS."
    if have > wanted == 0:
        message = f" has {have} replicas; a fail-over may forget the last changes, {_PAID_AGAIN}"
        return "warn", message, "Set HOOKLINE_REDIS_REPLICAS=1; see docs/deployment.md#fail-over."
    return None


def _durability(found: Durability) -> tuple[Verdict, str, str | None]:
    if found.version and is_too_old(found.version):
        return "fail", " is too old", "Use Redis 6.2 or newer, or any Valkey."
    policy = found.maxmemory_policy
    if policy not in (None, "noeviction"):
        message = f" drops keys when its memory is full ({policy})"
        return "fail", message, "Set its maxmemory-policy to noeviction."
    if found.appendonly is False:
        message = " writes no append-only file: what is newer than its last snapshot is lost with"
        message = f"{message} its process, jobs {_PAID_AGAIN}"
        return "warn", message, "Set its appendonly to yes, appendfsync always."
    if found.appendfsync == "always":
        return "ok", ", every write is on disk before it is answered, no eviction", None
    lost = {"everysec": "second", "no": "half minute"}.get(found.appendfsync or "")
    if lost is None:
        message = ", append-only, no eviction; it does not say how often it syncs"
        advice = "Unless its appendfsync is always, a power cut may lead to a second payment."
        return "warn", message, advice
    message = f" may forget the last {lost}'s changes in a power cut, {_PAID_AGAIN}"
    return "warn", message, "Set its appendfsync to always."


def memory(found: Vitals) -> Iterator[Finding]:
    """Whether Redis has room; it refuses all writes once it has none."""
    if not found.limit_bytes or found.used_bytes is None:
        return
    used = f"{found.used_bytes // _MIB:,} of {found.limit_bytes // _MIB:,} MiB"
    if found.used_bytes >= found.limit_bytes:
        advice = "Raise its maxmemory now: nothing can be recorded, and callbacks are turned away."
        yield Finding("redis memory", "fail", f"{used} are used: it is full", advice)
    elif found.used_bytes > _FULL * found.limit_bytes:
        advice = (
            "Raise its maxmemory, or keep finished jobs for a shorter time: HOOKLINE_RETENTION. "
            "A full Redis refuses all writes."
        )
        yield Finding("redis memory", "warn", f"{used} are used", advice)


def latency(found: Vitals) -> Finding:
    """Whether Redis answers fast enough for callbacks."""
    message = f"answers within {found.latency_ms:.1f} ms"
    if found.latency_ms <= _SLOW_MS:
        return Finding("redis latency", "ok", message)
    advice = (
        "Run Redis on this network, on a machine with time to spare, and see `redis-cli slowlog "
        "get` and its disk: appendfsync waits for it."
    )
    return Finding("redis latency", "warn", message, advice)


def broker(broken: Sequence[BrokenKey]) -> Finding:
    """Whether a broker that answers can take messages, and hand them out."""
    if not broken:
        return Finding("broker", "ok", "answers")
    named = ", ".join(f"{key.name} is a {key.type}, not a {key.should_be}" for key in broken)
    ours = any(key.ours for key in broken)
    whose = "no worker of Hookline" if ours else "no worker of other apps on this database"
    commands = "\n".join(
        f"redis-cli -n {key.database} RENAME '{key.name}' 'broken:{key.name}'" for key in broken
    )
    return Finding(
        "broker",
        "fail" if ours else "warn",
        f"Redis has something else where messages should be: {named}; {whose} can take a message",
        "A program wrote to a queue of that name, or uses it itself. Stop that, put the keys aside "
        f"while the workers are stopped, and start them again:\n{commands}",
    )


def called_back(url: str, hooks: Mapping[str, str]) -> Finding:
    """A callback of our own came back. ``hooks``: by account, where its provider calls."""
    message = f"a signed callback of our own came back through {url}"
    shown = "".join(f"\n{name}: {hook}" for name, hook in hooks.items())
    if len(hooks) == 1:
        shown = f" {next(iter(hooks.values()))}"
    advice = f"A provider with one hook for all its tasks takes{shown}"
    return Finding("callbacks", "ok", message, advice)


def not_called_back(url: str, reason: str, *, answered: bool, here: bool) -> Finding:
    """It did not. ``here``: the URL is this machine's own.

    Without an answer it may only be this machine that does not reach its public address.
    """
    message = f"a signed callback of our own did not come back through {url}: {reason}"
    if answered:
        advice = (
            "Check HOOKLINE_PUBLIC_URL, and that its name and its proxy lead to the web process: "
            "providers call there, and jobs are polled until they arrive."
        )
        return Finding("callbacks", "fail", message, advice)
    if here:
        advice = (
            f"Is the web process at another address? Then set HOOKLINE_PUBLIC_URL to it. {START}"
        )
        return Finding("callbacks", "fail", message, advice)
    advice = f"Open {url}/healthz in a browser from elsewhere: it must say ok."
    return Finding("callbacks", "warn", message, advice)


def clock(ahead_s: float) -> Iterator[Finding]:
    """Whether this machine and Redis agree about the time; ``ahead_s``: seconds we are ahead."""
    if abs(ahead_s) <= TOLERATED_S:
        return
    way = "ahead of" if ahead_s > 0 else "behind"
    message = f"this machine is {abs(ahead_s):,.0f} s {way} Redis"
    advice = "Redis's time counts, so nothing goes wrong; but set the one that is wrong, as by NTP."
    yield Finding("clock", "warn", message, advice)


def provider_clock(account: str, ahead_s: float) -> Iterator[Finding]:
    """Whether this machine and a provider agree about the time; it says whole seconds."""
    if abs(ahead_s) <= TOLERATED_S + 1:
        return
    way = "ahead of" if ahead_s > 0 else "behind"
    message = f"this machine is {abs(ahead_s):,.0f} s {way} the provider of {account}"
    advice = (
        "Set this machine's clock by NTP (`timedatectl`): receivers of notifications refuse "
        "signatures whose time is wrong. If other machines agree with this one, the provider's is."
    )
    yield Finding(f"clock {account}", "warn", message, advice)


def workers(versions: Mapping[str, int], problems: Sequence[str]) -> Iterator[Finding]:
    """Whether workers run, with the settings that are set here; how many, by their version."""
    if not versions:
        advice = (
            "Start `hookline up` in this directory, or `hookline worker`: nothing runs without."
        )
        yield Finding("workers", "warn", "none runs", advice)
    elif not problems:
        run = (
            f"{counted(n, 'worker')} of version {version or 'unknown'}"
            for version, n in sorted(versions.items())
        )
        yield Finding("workers", "ok", f"{' and '.join(run)} with these settings")
    for problem in problems:
        yield Finding("workers", "warn", problem, "A worker reads its settings when it starts.")


def storage(place: str, free: Mapping[str, int]) -> Finding:
    """Whether a writable storage has room; ``free``: bytes in each folder that results need."""
    for folder, room in free.items():
        if room < _ROOM:
            message = f"{folder} has only {room // _MIB} MiB left"
            return Finding("storage", "warn", message, "Make room: results that do not fit wait.")
    return Finding("storage", "ok", f"{place} is writable")


def storage_fault(reason: str, number: int | None) -> Finding:
    """Why the storage cannot be used; ``number``: the ``errno`` of a file system, if it was one."""
    advice = "Check HOOKLINE_STORAGE_URL, and what it points to."
    if number in (ENOSPC, EDQUOT):
        reason = f"the disk is full: {reason}"
        advice = (
            "Make room there, or move the storage to a larger disk with HOOKLINE_STORAGE_URL. "
            "Results wait meanwhile, until their links expire; nothing is paid for again."
        )
    elif number in (EACCES, EROFS):
        advice = "Let the user that Hookline runs as write to the folder of HOOKLINE_STORAGE_URL."
    return Finding("storage", "fail", reason, advice)


def links(tried: Mapping[str, Sequence[str | None]]) -> Iterator[Finding]:
    """Whether pictures can be downloaded. By host: why each link was not reached; None: it was."""
    for host, outcomes in tried.items():
        wrong = [each for each in outcomes if each]
        if not wrong:
            yield Finding("links", "ok", f"{counted(len(outcomes), 'picture')} of {host} reached")
            continue
        message = f"{len(wrong)} of {counted(len(outcomes), 'recent picture')} not reached: "
        advice = (
            f"Let this machine reach {host} by https, if need be through HOOKLINE_PROXY. If links "
            "expire before their files are stored, more workers help."
        )
        yield Finding("links", "warn", f"{message}{wrong[0]}", advice)
