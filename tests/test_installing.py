"""How the package is installed: under its own name, which is not that of what is imported."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from psm.errors import MissingExtra
from psm.extras import DISTRIBUTION, install_line, require

ROOT = Path(__file__).parents[1]
# Somebody else's package on the index: `psm`, or `psm[extra]`, in quotes or not.
STRANGER = re.compile(r"(?:pip|uv|pipx)[\w ]* install[^\n#]*?[ '\"]psm(?![\w.-])|\bpsm\[(?:%s)\b")


def _project() -> dict[str, object]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_the_distribution_has_the_name_that_messages_print() -> None:
    assert _project()["name"] == DISTRIBUTION == "psm-maps"
    assert install_line() == "pip install psm-maps"
    assert install_line("serve") == "pip install 'psm-maps[serve]'"


def test_a_missing_package_is_said_with_the_line_that_installs_it() -> None:
    with pytest.raises(MissingExtra, match=r"pip install 'psm-maps\[maps\]'"):
        require("no_such_package_anywhere", "maps")


def _installs_a_stranger(text: str) -> bool:
    extras = "|".join(_project()["optional-dependencies"])  # type: ignore[arg-type, call-overload]
    return re.search(STRANGER.pattern % extras, text) is not None


@pytest.mark.parametrize(
    "line",
    ["pip install psm", "pip install 'psm[serve]'", "comes with psm[maps]", "uv pip install psm"],
)
def test_the_search_finds_lines_that_install_somebody_elses_package(line: str) -> None:
    assert _installs_a_stranger(line)


def test_nothing_in_the_tree_installs_somebody_elses_package() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.split("\0")
    files = [ROOT / name for name in listed if name] or [
        path for folder in ("src", "docs", "tests") for path in (ROOT / folder).rglob("*")
    ]
    texts = [
        path for path in files if path.suffix in (".py", ".md", ".toml", ".j2", ".yaml", ".ts")
    ]
    assert len(texts) > 300
    found = [
        str(path.relative_to(ROOT))
        for path in texts
        if path != Path(__file__) and path.is_file() and _installs_a_stranger(path.read_text())
    ]
    assert not found
