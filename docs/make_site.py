"""Build the documentation site: ``make docs``, or ``python docs/make_site.py``.

The pages of ``docs/`` stay where the repository's own links want them. This script copies them to
``build/pages`` with three changes: links that lead out of ``docs/`` go to pages of the site that
are made from the same files, the reference is written from the code, and marks of measured figures
are left out. Zensical makes HTML of that, in ``build/site``: a folder that works from disk and on
any static host.
"""

from __future__ import annotations

import os
import posixpath
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import make_reference

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
SETTINGS = ROOT / "zensical.toml"
PICTURES = {".png", ".webp", ".svg"}
SHIM = "https://unpkg.com/iframe-worker/shim"
"""What the theme would fetch to search in a site that is opened from a folder; we bring it."""

INCLUDED = {
    "README.md": "readme.md",
    "CHANGELOG.md": "changes.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "CODE_OF_CONDUCT.md": "conduct.md",
    "benchmarks/README.md": "benchmarks.md",
}
"""Pages of the repository outside ``docs/``, and what they are called in the site."""

_LANGUAGES = {".py": "python", ".yaml": "yaml", ".toml": "toml", ".json": "json", ".ts": "ts"}
_LINK_OR_CODE = re.compile(r"(`+)(?:(?!\1).)+\1|(?<=\]\()([^)\s]+)(?=\))")
_MARK = re.compile(r"^<!-- /?figures.*-->\n", re.MULTILINE)
_OUTSIDE = re.compile(r"[a-z][a-z+.-]*:|#")


def settings() -> dict[str, Any]:
    """``[project]`` of ``zensical.toml``."""
    project: dict[str, Any] = tomllib.loads(SETTINGS.read_text(encoding="utf-8"))["project"]
    return project


def nav_pages(entries: Any = None) -> list[str]:
    """Every page that the navigation names, in its order."""
    entries = settings()["nav"] if entries is None else entries
    if isinstance(entries, str):
        return [entries]
    if isinstance(entries, dict):
        entries = list(entries.values())
    return [page for entry in entries for page in nav_pages(entry)]


def page_of(path: str) -> str:
    """Place in the site of a file or folder of the repository; others become pages of source."""
    if path in INCLUDED:
        return INCLUDED[path]
    inside = path.removeprefix("docs/")
    is_page = path.startswith("docs/") and Path(path).suffix in {".md", *PICTURES}
    return inside if is_page else f"source/{path}.md"


def rewritten(text: str, path: str) -> tuple[str, set[str]]:
    """A page as the site has it, and the files of the repository that it leads to.

    Args:
        text: Markdown of the page.
        path: Of the page, from the root of the repository.
    """
    here, sources = posixpath.dirname(page_of(path)), set[str]()

    def moved(found: re.Match[str]) -> str:
        link = found.group(2)
        if link is None or _OUTSIDE.match(link):
            return found.group(0)
        target, mark, anchor = link.partition("#")
        target = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
        page = page_of(target)
        if page.startswith("source/"):
            sources.add(target)
        return posixpath.relpath(page, here or ".") + mark + anchor

    lines, is_code = [], False
    for line in _MARK.sub("", text).splitlines():
        if line.lstrip().startswith("```"):
            is_code = not is_code
        lines.append(line if is_code else _LINK_OR_CODE.sub(moved, line))
    return "\n".join(lines) + "\n", sources


def source_page(path: str) -> str:
    """A file of the repository, or the files of a folder, as a page of the site."""
    at = ROOT / path
    files = [at] if at.is_file() else sorted(one for one in at.iterdir() if one.is_file())
    parts = [f"# {path}"]
    for file in files:
        if file != at:
            parts.append(f"## {file.name}")
        text = file.read_text(encoding="utf-8").rstrip()
        parts.append(f"````{_LANGUAGES.get(file.suffix, 'text')}\n{text}\n````")
    return "\n\n".join(parts) + "\n"


def write_pages(folder: Path) -> list[str]:
    """Everything that the site is made of, as Markdown and pictures.

    Returns:
        Places of the pages, from ``folder``.
    """
    shutil.rmtree(folder, ignore_errors=True)
    made = {f"reference/{name}": text for name, text in make_reference.pages().items()}
    sources = set[str]()
    for path in [*(f"docs/{page.name}" for page in sorted(DOCS.glob("*.md"))), *INCLUDED]:
        text, found = rewritten((ROOT / path).read_text(encoding="utf-8"), path)
        made[page_of(path)] = text
        sources |= found
    made |= {page_of(path): source_page(path) for path in sources}
    for page, text in made.items():
        (folder / page).parent.mkdir(parents=True, exist_ok=True)
        (folder / page).write_text(text, encoding="utf-8")
    for picture in DOCS.rglob("*"):
        if picture.suffix in PICTURES:
            copy = folder / picture.relative_to(DOCS)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(picture, copy)
    assets = folder / "assets"
    shutil.copytree(DOCS / "site", assets)
    return sorted(made)


def finish(site: Path) -> None:
    """Let the pages take from the folder what the theme would ask another host for."""
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        shim = os.path.relpath(site / "assets" / "iframe-worker.js", page.parent)
        text = text.replace(SHIM, Path(shim).as_posix())
        page.write_text(text, encoding="utf-8")


def main() -> int:
    """Write the pages and build the site; the exit code of the builder."""
    project = settings()
    pages = write_pages(ROOT / project["docs_dir"])
    builder = Path(sys.executable).parent / "zensical"
    done = subprocess.run(
        [str(builder), "build", "--clean", "--strict"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(DOCS)},  # for docstrings.py
        check=False,
    )
    if done.returncode:
        return done.returncode
    site = ROOT / project["site_dir"]
    finish(site)
    print(f"{len(pages)} pages: open {site / 'index.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
