"""Builds the documentation as a site: dist/site. A link that leads nowhere is an error.

The pages are copied as they lie in the repository, so that their links are the same in both. What
the site needs comes with it: nothing is loaded from elsewhere, which is checked.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGES, SITE = ROOT / "dist" / "pages", ROOT / "dist" / "site"
#: Pages, and the files that they link to.
FILES = (
    *("README.md", "README.zh-CN.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "LICENSE"),
    *("clients/*/README.md", "examples/README.md", "deploy/*", ".env.example"),
    *("docs/*.md", "docs/*/*"),
)
#: What a browser loads by itself, unlike a link.
_LOADED = re.compile(
    r"<(?:script|img|iframe|source)[^>]*\ssrc=\"?(?:https?:)?//[^\s\">]*"
    r"|<link[^>]*rel=\"?(?:stylesheet|preconnect|preload|icon)[^>]*href=\"?(?:https?:)?//[^\s\">]*"
)


def main() -> None:
    """Build the site; exit with 1 if something is wrong."""
    shutil.rmtree(PAGES, ignore_errors=True)
    listed = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    unlisted = [page.name for page in ROOT.glob("docs/*.md") if f"docs/{page.name}\n" not in listed]
    if unlisted:
        sys.exit(f"The list of pages in mkdocs.yml lacks {', '.join(sorted(unlisted))}")
    for path in (path for pattern in FILES for path in ROOT.glob(pattern) if path.is_file()):
        copy = PAGES / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
    build = [str(Path(sys.executable).with_name("zensical")), "build", "--strict", "--clean"]
    made = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, check=False)
    if made.returncode:
        sys.exit(made.stdout + made.stderr)
    loaded = {
        f"{page.relative_to(SITE)}: {found[0]}"
        for page in SITE.rglob("*.html")
        for found in _LOADED.finditer(page.read_text(encoding="utf-8"))
    }
    if loaded:
        sys.exit("\n".join(["Loaded from elsewhere:", *sorted(loaded)]))


if __name__ == "__main__":
    main()
