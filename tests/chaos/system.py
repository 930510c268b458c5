"""A running Hookline with its sandboxes, looked at from outside, wherever its processes run."""

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from config.loading import load_settings
from tests.chaos.waiting import wait_for
from worker.adapters.store.connection import connect
from worker.bootstrap import Services, build
from worker.domain.job import Job
from worker.entrypoints.cli.http import answers, call

#: Secrets that are easy to find in a log where they must not be.
SECRETS = MappingProxyType(
    {
        "HOOKLINE_PROVIDER_KEY": "canary-provider-key-4f1d",
        "HOOKLINE_SECRET": "canary-signing-secret-9b27c3",
        "HOOKLINE_API_TOKEN": "canary-api-token-77e0a1",
    }
)


class System:
    """``services`` are our own, for looking into the store; they use no proxy.

    ``env``: the settings of its processes. ``redis_url``: where we reach its store.
    ``sandboxes``: where they listen, by name; each has its ledger in ``folder``.
    """

    def __init__(
        self,
        folder: Path,
        env: Mapping[str, str],
        *,
        redis_url: str,
        web_url: str,
        sandboxes: Mapping[str, str],
    ) -> None:
        self.folder = folder
        self.logs = folder / "logs"
        self.sandboxes = sandboxes
        self.web_url = web_url
        self.api_token = env["HOOKLINE_API_TOKEN"]
        settings = load_settings({**env, "HOOKLINE_REDIS_URL": redis_url}, dotenv=None)
        self.secrets = settings.secret_values()
        self.services: Services = build(settings)
        self.redis = connect(redis_url)

    def wait_for(self, met: Callable[[], object], what: str, seconds: float = 30.0) -> None:
        """Return as soon as ``met`` is true. Raises ``NotInTime``."""
        wait_for(met, what, seconds)

    def web_ready(self) -> bool:
        """Whether the web process answers and has its Redis."""
        return answers(f"{self.web_url}/readyz")

    def job(self, job_id: str) -> Job:
        """The job as it is stored."""
        return self.services.orchestrator.job(job_id)

    def ledger_lines(self) -> list[str]:
        """What the sandboxes were paid for: a line each, those of one sandbox in their order."""
        paths = (ledger_path(self.folder, name) for name in self.sandboxes)
        return [line for path in paths for line in path.read_text(encoding="utf-8").splitlines()]

    def injected(self) -> dict[str, int]:
        """The faults that the sandboxes have injected so far, by name."""
        found = Counter[str]()
        for name in self.sandboxes:
            found.update(self.ask_sandbox(name, "stats").get("faults", {}))
        return dict(found)

    def ask_sandbox(self, name: str, what: str) -> Any:
        """``stats`` or the ``ledger`` of a sandbox, which tells more than its file."""
        key = SECRETS["HOOKLINE_PROVIDER_KEY"]
        status, told = call("GET", f"{self.sandboxes[name]}/sandbox/{what}", token=key)
        if status != 200:
            raise RuntimeError(f"{name} answers {status}")
        return told

    def log(self, name: str) -> str:
        """What a program wrote so far."""
        return (self.logs / f"{name}.log").read_text(encoding="utf-8", errors="replace")

    def log_files(self) -> list[Path]:
        """The logs of all programs."""
        return sorted(self.logs.glob("*.log"))


def ledger_path(folder: Path, sandbox: str) -> Path:
    """Where a sandbox writes down what it was paid for."""
    return folder / f"{sandbox}.jsonl"
