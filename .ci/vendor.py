"""Takes files of other people's out of npm's packages, by a lock. Called by the Makefile.

    python3 .ci/vendor.py          write every file that .ci/vendor.toml lists; a hash that differs
                                   is an error, and nothing of its package is written
    python3 .ci/vendor.py --lock   the same, and write the hashes into the lock

The files are committed: installing Hookline fetches nothing, and pages load nothing from elsewhere.
Standard library and npm only.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / ".ci/vendor.toml"


def main() -> None:
    """Write the files; with `--lock` their hashes, too."""
    text = LOCK.read_text("utf-8")
    for package in tomllib.loads(text)["package"]:
        found = unpacked(package)
        if "--lock" in sys.argv[1:]:
            text = locked(text, package, found)
        else:
            compare(package, found)
        for file in package["files"]:
            to = ROOT / file["to"]
            to.parent.mkdir(parents=True, exist_ok=True)
            to.write_bytes(found[file["from"]])
    LOCK.write_text(text, "utf-8")


def unpacked(package: dict[str, Any]) -> dict[str, bytes]:
    """The listed files of the package, by their path in it."""
    named = f"{package['name']}@{package['version']}"
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["npm", "pack", "--silent", named], cwd=folder, check=True, stdout=2)
        [archive] = Path(folder).glob("*.tgz")
        with tarfile.open(archive) as tar:
            return {file["from"]: read(tar, f"package/{file['from']}") for file in package["files"]}


def read(tar: tarfile.TarFile, name: str) -> bytes:
    """One member of an archive."""
    member = tar.extractfile(name)
    if member is None:
        sys.exit(f"{name} is not a file")
    return member.read()


def compare(package: dict[str, Any], found: dict[str, bytes]) -> None:
    """Exit if a file is not what the lock says."""
    for file in package["files"]:
        if digest(found[file["from"]]) != file["sha256"]:
            sys.exit(
                f"{package['name']} {package['version']}: {file['from']} is not what is locked"
            )


def locked(text: str, package: dict[str, Any], found: dict[str, bytes]) -> str:
    """The lock with the hashes of these files."""
    for file in package["files"]:
        line = re.compile(rf'(to = "{re.escape(file["to"])}", sha256 = ")[0-9a-f]*')
        text = line.sub(rf"\g<1>{digest(found[file['from']])}", text)
    return text


def digest(data: bytes) -> str:
    """SHA-256, in hex."""
    return hashlib.sha256(data).hexdigest()


if __name__ == "__main__":
    main()
