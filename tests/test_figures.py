"""The numbers of the pages are those that were measured."""

from __future__ import annotations

import json
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]


def load_tool() -> ModuleType:
    spec = spec_from_file_location("make_figures", ROOT / "docs" / "make_figures.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules["make_figures"] = module
    spec.loader.exec_module(module)
    return module


tool = load_tool()
MEASURED = {"maps.ece": 0.0304, "retrieval[image,to_audio]": [0.2072, 0.1886, 0.2265]}
SCORES = """| ECE | {demo:maps.ece|3} |
| image | {demo:retrieval[image,to_audio]|interval} | {demo:maps.ece|%} |
"""
PAGE = """# A page

<!-- figures: scores -->
| ECE | 0.030 |
| image | 0.21 (0.19–0.23) | 3 % |
<!-- /figures -->
"""


def complaints(text: str, template: str = SCORES, *, is_guarded: bool = False) -> list[str]:
    figures = tool.Figures({"demo": {"measured": MEASURED}}, {"scores": template})
    return list(tool.complaints("page.md", text, figures, is_guarded=is_guarded))


def test_the_pages_say_what_was_measured() -> None:
    assert tool.check() == []
    figures = tool.Figures.load()
    assert min(map(len, tool.stated(figures.templates).values())) >= 10
    assert set(tool.RUNS) <= set(figures.runs)
    placed = {b["name"] for page in tool.pages() for b in tool.BLOCK.finditer(page.read_text())}
    assert placed == set(figures.templates)


def test_a_page_as_measured_has_no_complaints() -> None:
    assert complaints(PAGE) == []


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("0.030", "0.031", r"page.md:4: demo:maps.ece: says 0.031, measured 0.030"),
        ("(0.19–", "(0.18–", r"page.md:5: demo:retrieval[image,to_audio]: says 0.21 (0.18–0.23), "
         "measured 0.21 (0.19–0.23)"),
        ("| 3 %", "| 4 %", "page.md:5: demo:maps.ece: says 4 %, measured 3 %"),
        ("| ECE | 0.030", "| Ece | 0.030", "page.md:4: says '| Ece | 0.030 |', where its template"),
        ("| ECE | 0.030 |\n", "", "page.md:4: 1 lines, 2 in docs/figures/scores.md"),
        ("{demo:maps.ece|3}", "{demo:maps.auc|3}", "page.md:4: demo:maps.auc was not measured"),
        ("{demo:maps.ece|3}", "{other:maps.ece|3}", "page.md:4: other:maps.ece was not measured"),
        ("{demo:maps.ece|3}", "{demo:maps.ece|7}", "page.md:4: no style '7'"),
        ("{demo:maps.ece|3}", "{demo:maps.ece|gain}", "page.md:4: 0.0304: not a score"),
        ("figures: scores", "figures: others", "page.md:3: there is no docs/figures/others.md"),
        ("<!-- /figures -->", "", "page.md: a block of figures has no end"),
    ],
)  # fmt: skip
def test_what_differs_is_named_with_its_line_and_both_numbers(
    old: str, new: str, complaint: str
) -> None:
    (found,) = complaints(PAGE.replace(old, new, 1), SCORES.replace(old, new, 1))
    assert found.startswith(complaint)


def test_a_table_outside_of_a_block_is_found_in_guarded_pages() -> None:
    loose = PAGE + "\n| by hand | 0.5 |\n"
    assert complaints(loose) == []
    (found,) = complaints(loose, is_guarded=True)
    assert found.startswith("page.md:8: 0.5 stands in no block")


@pytest.mark.parametrize(
    ("style", "value", "text"),
    [
        ("2", -0.176, "−0.18"),
        ("count", 4570.0, "4,570"),
        ("%", 0.925, "92 %"),
        ("interval3", [0.2077, 0.193, 0.2234], "0.208 (0.193–0.223)"),
        ("interval", [-0.176, -0.18, -0.171], "−0.18 (−0.18 to −0.17)"),
        ("gain", [0.021, 0.0101, 0.032], "**+0.021** (+0.010 to +0.032)"),
        ("gain", [0.005, -0.007, 0.016], "+0.005 (−0.007 to +0.016)"),
        ("interval%", [0.91, 0.902, 0.921], "91 % (90–92)"),
        ("mean%", [0.67, 0.66, 0.69], "67 %"),
        ("of", [26, 27], "26 of 27"),
    ],
)
def test_styles_round(style: str, value: Any, text: str) -> None:
    assert tool.STYLES[style](value) == text


def test_numbers_are_taken_from_a_report_as_they_are_and_no_others(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    rows = [
        {"query": "image", "direction": "to_audio", "r_at_10pct": 0.25, "ci95": [0.2, 0.3]},
        {"query": "image", "direction": "to_image", "r_at_10pct": 0.35, "ci95": [0.3, 0.4]},
    ]
    report.write_text(json.dumps({"retrieval": rows, "maps": {"ece": 0.1234567891, "auc": 0.9}}))
    figures = tool.Figures({"demo": {"measured": MEASURED}}, {})
    paths = ["maps.ece", "retrieval[to_image,image]", "retrieval[image].ci95"]
    figures.take("demo", report, paths)
    assert figures.runs["demo"]["measured"] == {
        "maps.ece": 0.123457,
        "retrieval[image].ci95": [0.2, 0.3],
        "retrieval[to_image,image]": [0.35, 0.3, 0.4],
    }
    assert figures.runs["demo"]["command"] == "psm demo --out runs/demo"
    with pytest.raises(SystemExit, match=r"report\.json: no number at 'maps\.none'"):
        figures.take("demo", report, ["maps.none"])
