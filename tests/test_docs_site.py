"""The documentation: links lead somewhere, commands exist, and the site names every page once."""

from __future__ import annotations

import re
import shlex
import sys
import tomllib
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

import pytest

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"


def load_tool(name: str) -> ModuleType:
    spec = spec_from_file_location(name, DOCS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


reference = load_tool("make_reference")
site = load_tool("make_site")
links = load_tool("check_links")

PAGES = [*(f"docs/{page.name}" for page in sorted(DOCS.glob("*.md"))), *site.INCLUDED]
COMMANDS: dict[str, Any] = dict(reference.commands())
GROUPS = set(reference.groups())
REFERENCE = {f"reference/{name}.md" for name in ("cli", *reference.PACKAGES)}
MAKE = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
EXTRAS = set(
    tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
)


@cache
def text_of(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def prose_of(path: str) -> str:
    """A page without its code."""
    text = re.sub(r"^```.*?^```$", "", text_of(path), flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"(`+)(?:(?!\1).)+\1", "code", text)


@cache
def anchors_of(path: str) -> frozenset[str]:
    """Anchors of the headings, as the site and code hosts make them."""
    text = re.sub(r"^```.*?^```$", "", text_of(path), flags=re.MULTILINE | re.DOTALL)
    found = set()
    for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE):
        words = re.sub(r"\[([^\]]+)\]\([^)]+\)", r"\1", heading).lower()
        found.add(re.sub(r"[^\w\- ]", "", words).strip().replace(" ", "-"))
    return frozenset(found)


@pytest.mark.parametrize("path", PAGES)
def test_links_within_the_project_lead_somewhere(path: str) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", prose_of(path)):
        if site._OUTSIDE.match(link) and not link.startswith("#"):
            continue
        target, _, anchor = link.partition("#")
        if target in REFERENCE:
            continue
        page = (ROOT / path).parent / target if target else ROOT / path
        name = next((one for one, at in site.INCLUDED.items() if at == target), None)
        if path.startswith("docs/") and name is not None and not page.exists():
            page = ROOT / name  # a page of the site that comes from elsewhere in the repository
        assert page.exists(), f"{path}: {link}"
        if anchor and page.suffix == ".md":
            relative = page.resolve().relative_to(ROOT.resolve()).as_posix()
            assert anchor in anchors_of(relative), f"{path}: {link}"


def code_of(path: str) -> list[str]:
    """Lines of code of a page: fenced, indented, and what stands within a sentence."""
    text = text_of(path)
    fenced = re.findall(r"^```(?:sh|bash|console)?\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    indented = re.findall(r"(?:^    .*\n)+", text, re.MULTILINE)
    blocks = "\n".join([*fenced, *indented]).replace("\\\n", " ")
    inline = [one.replace("\n", " ") for one in re.findall(r"(?<!`)`([^`]+)`(?!`)", text)]
    return [line.strip().removeprefix("$ ") for line in [*blocks.splitlines(), *inline]]


def test_commands_exist_with_their_options() -> None:
    """Every ``psm ...`` of every page: the verb is there, and takes the options."""
    seen = 0
    for path in PAGES:
        for line in code_of(path):
            if not re.match(r"psm [a-z]", line):
                continue
            words = shlex.split(line, comments=True)[1:]
            words = words[: next((i for i, w in enumerate(words) if w in ("|", ">", "&&")), None)]
            if words[-1].endswith("..."):
                words = words[:-1]
            verb = next(
                (" ".join(words[:n]) for n in (2, 1) if " ".join(words[:n]) in COMMANDS), ""
            )
            assert verb or (words[0] in GROUPS and len(words) == 1), f"{path}: {line}"
            if not verb:
                continue
            seen += 1
            known = {
                name for one in COMMANDS[verb].params for name in (*one.opts, *one.secondary_opts)
            }
            for word in words:
                if word.startswith("--") and word not in ("--help", "--"):
                    assert word.partition("=")[0] in known, f"{path}: {word} of {line}"
    assert seen > 150


def test_other_commands_exist() -> None:
    """``make``, extras of ``pip install``, and scripts of the repository."""
    for path in PAGES:
        for line in code_of(path):
            if found := re.match(r"make ([a-z-]+)", line):
                assert found.group(1) in MAKE, f"{path}: {line}"
            if found := re.match(r"python ((?:docs|benchmarks|examples)/[\w/]+\.py)", line):
                assert (ROOT / found.group(1)).is_file(), f"{path}: {line}"
            for extras in re.findall(r"pip install '(?:\.|psm-maps)\[([a-z,]+)\]'", line):
                assert set(extras.split(",")) <= EXTRAS, f"{path}: {line}"


def test_links_to_elsewhere_are_well_formed() -> None:
    found = links.external_links()
    assert len(found) > 20
    for link in found:
        parts = urlsplit(link)
        assert parts.scheme == "https", link
        assert re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", parts.netloc), link


def test_navigation_names_every_page_once() -> None:
    named = site.nav_pages()
    assert len(named) == len(set(named))
    assert set(named) == {site.page_of(path) for path in PAGES} | REFERENCE


def test_links_out_of_the_docs_become_pages() -> None:
    text, sources = site.rewritten(
        "[a](../src/psm/gaussian.py) [b](store.md#x) `[c](../no.md)` [d](../CHANGELOG.md)\n"
        "<!-- figures: demo-set -->\n[e](https://example.org)\n```\n[f](../x)\n```\n",
        "docs/measures.md",
    )
    assert text == (
        "[a](source/src/psm/gaussian.py.md) [b](store.md#x) `[c](../no.md)` [d](changes.md)\n"
        "[e](https://example.org)\n```\n[f](../x)\n```\n"
    )
    assert sources == {"src/psm/gaussian.py"}


def test_the_page_of_commands_has_every_option() -> None:
    page = reference.command_page()
    for name, command in COMMANDS.items():
        assert re.search(rf"^#+ psm {name}$", page, re.MULTILINE)
        for one in command.params:
            if not one.hidden and one.opts[0].startswith("-"):
                assert f"`{one.opts[0]}`" in page
    assert "(#psm-data-import)" in page


@pytest.mark.parametrize("package", reference.PACKAGES)
def test_pages_of_packages_have_every_public_name(package: str) -> None:
    page = reference.package_page(package)
    assert page.startswith(f"# {package}\n")
    for name, path in reference.exported(package).items():
        if name != "__version__":
            assert f"::: {path}\n" in page
            assert path.split(".")[0] == "psm"


def test_docstrings_become_markdown() -> None:
    text = "First.\n\n::\n\n    cells = 1\n\nBy :func:`~psm.mapping.prepare`; as ``x``::\n\n    y\n"
    assert reference.as_markdown(text) == (
        "First.\n\n\n    cells = 1\n\nBy `psm.mapping.prepare`; as ``x``:\n\n    y\n"
    )
