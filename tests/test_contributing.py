"""What contributors and the project's own automation are promised."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PAGES = [
    ROOT / name
    for name in ("CONTRIBUTING.md", "CODE_OF_CONDUCT.md", "SECURITY.md", "THIRD_PARTY.md")
]
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_are_pinned_and_may_do_no_more_than_they_say(path: Path) -> None:
    text = path.read_text()
    content = yaml.safe_load(text)
    assert "permissions" in content
    for action in re.findall(r"uses: (\S+)", text):
        assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", action), action
    for target in re.findall(r"run: make ([a-z-]+)", text):
        assert target in TARGETS
    for job in content["jobs"].values():
        assert "timeout-minutes" in job
        for step in job["steps"]:  # what somebody else names is data, not a part of a script
            assert "${{" not in step.get("run", "")


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_pages_name_files_that_there_are(path: Path) -> None:
    text = path.read_text()
    links = [link for link in re.findall(r"\]\(([^)#]+)", text) if not link.startswith("http")]
    assert links or path.name == "CODE_OF_CONDUCT.md"
    for link in links:
        assert (ROOT / link).exists(), link
    for target in re.findall(r"`?make ([a-z-]+)", text):
        assert target in TARGETS, target


def test_forms_of_issues_ask_for_something() -> None:
    for name in ("wrong.yml", "wish.yml"):
        form = yaml.safe_load((ROOT / ".github" / "ISSUE_TEMPLATE" / name).read_text())
        assert all(field["attributes"]["label"] for field in form["body"])
        assert any(field.get("validations", {}).get("required") for field in form["body"])
