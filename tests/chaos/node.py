"""The library of Standard Webhooks for JavaScript, asked about what a receiver got."""

import json
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.receiver import Told

_PACKAGE = "standardwebhooks"
_INSTALL_S = 120
#: Each is looked at as if it came just now: the library refuses what is older than five minutes.
_SCRIPT = """
const { Webhook } = require("standardwebhooks");
const { secret, requests } = JSON.parse(require("fs").readFileSync("requests.json", "utf8"));
const webhook = new Webhook(secret), bad = [];
for (const { headers, body } of requests) {
  Date.now = () => 1000 * Number(headers["webhook-timestamp"]);
  try { webhook.verify(body, headers); } catch (error) { bad.push(headers["webhook-id"]); }
}
let forged = false;
try {
  webhook.verify(requests[0].body + " ", requests[0].headers);
  forged = true;
} catch (error) {}
console.log(JSON.stringify({ bad, forged }));
"""


@dataclass(frozen=True, slots=True)
class Verdict:
    """``bad``: ids of what it refused. ``words``: what was done, for the table."""

    words: str
    bad: tuple[str, ...] = ()


def verified_by_node(folder: Path, secret: str, requests: Sequence[Told]) -> Verdict:
    """Have each request verified with one of the secrets; it says so where that cannot be done."""
    if not (shutil.which("node") and shutil.which("npm")):
        return Verdict("not in JavaScript: there is no node here")
    folder.mkdir()
    install = ("npm", "install", "--no-audit", "--no-fund", "--silent", _PACKAGE)
    try:
        subprocess.run(install, cwd=folder, check=True, capture_output=True, timeout=_INSTALL_S)
    except (subprocess.SubprocessError, OSError) as error:
        return Verdict(f"not in JavaScript: npm fails with {type(error).__name__}")
    shown = [{"headers": each.headers, "body": each.body} for each in requests]
    (folder / "requests.json").write_text(json.dumps({"secret": secret, "requests": shown}))
    (folder / "verify.js").write_text(_SCRIPT)
    done = subprocess.run(
        ("node", "verify.js"), cwd=folder, check=True, capture_output=True, timeout=_INSTALL_S
    )
    said = json.loads(done.stdout)
    if said["forged"]:
        return Verdict("in JavaScript not even a forged one is refused", ("forged",))
    return Verdict(f"{len(requests) - len(said['bad'])} in JavaScript", tuple(said["bad"]))
