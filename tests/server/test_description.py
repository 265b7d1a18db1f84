"""The committed description of the API, and the types of the page that are made from it."""

from __future__ import annotations

import importlib.util
import subprocess
from pathlib import Path
from types import ModuleType

import pytest

WEB = Path(__file__).parents[2] / "web"
GENERATOR = WEB / "node_modules" / ".bin" / "openapi-typescript"
HINT = "run `npm ci && npm run types` in web/"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    """The script that writes the description."""
    spec = importlib.util.spec_from_file_location("openapi", WEB / "scripts" / "openapi.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_committed_description_is_that_of_the_api(script: ModuleType) -> None:
    assert script.PATH.read_text("utf-8") == script.text(), HINT


def test_the_types_of_the_page_were_made_of_this_description(script: ModuleType) -> None:
    assert script.TYPES.read_text("utf-8").endswith(script.stamp()), HINT


@pytest.mark.skipif(not GENERATOR.exists(), reason="types of the page made anew: npm ci")
def test_the_types_of_the_page_follow_from_the_description(
    script: ModuleType, tmp_path: Path
) -> None:
    package = (WEB / "package.json").read_text("utf-8")
    options = ["--immutable", "--array-length", "--enum-values"]
    assert f"openapi-typescript openapi.json {' '.join(options)} " in package
    subprocess.run(
        [GENERATOR, WEB / "openapi.json", *options, "--output", tmp_path / "schema.ts"],
        check=True,
        capture_output=True,
    )
    made = (tmp_path / "schema.ts").read_text("utf-8")
    assert script.TYPES.read_text("utf-8") == made + script.stamp(), HINT
