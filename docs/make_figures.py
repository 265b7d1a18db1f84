"""Measure what the pages state, write it into them, and find what differs: ``make figures``.

To add a number or a table, write it as `docs/figures/NAME.md`, with fields for its numbers:

    | median Spearman of the demo | {demo:maps.spearman_median|2} |

and mark its place in a page; `make figures ARGS=--reuse` fills it in:

    <!-- figures: NAME -->
    <!-- /figures -->

`demo` is a run of RUNS, what follows the colon is a path into its report (`rows[image,all]` is the
first item of a list with these values), what follows the bar a style of STYLES: the rounding. What
was measured, by which command and when, is kept in `measured.json` beside the templates; `make
figures-check` compares every block with it, and takes no time.
"""

from __future__ import annotations

import argparse
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
FOLDER = Path("docs", "figures")
MEASURED = "measured.json"
PAGES = ("README.md", "docs/*.md", "benchmarks/README.md", "src/psm/pretrained/*/README.md")
GUARDED = ("README.md", "docs/recipes.md")
"""Pages whose tables may hold no decimal number outside of a block."""

BLOCK = re.compile(r"<!-- figures: (?P<name>[\w-]+) -->\n(?P<shown>.*?)<!-- /figures -->", re.S)
FIELD = re.compile(r"\{(?P<run>[\w-]+):(?P<path>[^{}|]+)\|(?P<style>[^{}|]+)\}")
STEP = re.compile(r"([^.\[]+)(?:\[([^\]]*)\])?\.?")

Value = float | list[float]


@dataclass(frozen=True)
class Run:
    """A command, with {runs} for the folder of all runs, and the JSON report that it leaves."""

    command: str
    report: str


RUNS = {
    "demo": Run("psm demo --out {runs}/demo", "{runs}/demo/report.json"),
    "small": Run(
        "psm demo --preset earth-small --out {runs}/small", "{runs}/small/report.json"
    ),
    "packaged": Run(
        "psm evaluate --maps --model earth-small --data {runs}/small/earth --out {runs}/packaged",
        "{runs}/packaged/maps.json",
    ),
    "recipes": Run(
        "python benchmarks/recipes.py earth-tiny earth-tiny-infonce --earth {runs}/demo/earth "
        "--runs {runs}/recipes --json {runs}/recipes.json",
        "{runs}/recipes.json",
    ),
    "codebook": Run(
        "python benchmarks/recipes.py earth-tiny-sat2sound "
        "--earth {runs}/demo/earth --runs {runs}/recipes --seeds 1 --json {runs}/codebook.json",
        "{runs}/codebook.json",
    ),
    "seeing": Run(
        "python benchmarks/recipes.py earth-tiny-place earth-tiny-features "
        "--earth {runs}/demo/earth --runs {runs}/recipes --seeds 1 --json {runs}/seeing.json",
        "{runs}/seeing.json",
    ),
}  # fmt: skip


def _signed(value: float, style: str) -> str:
    return f"{value:{style}}".replace("-", "−")  # the minus that text is set with


def _interval(digits: int, sign: str = "", to: str = "–") -> Callable[[Value], str]:
    """``score (lowest–highest)``."""

    def write(value: Value) -> str:
        score, low, high = (_signed(v, f"{sign}.{digits}f") for v in _three(value))
        joined = " to " if "−" in low or "+" in low else to
        return f"{score} ({low}{joined}{high})"

    return write


def _gain(value: Value) -> str:
    """A difference with its interval, bold where it leaves out zero."""
    _, low, high = _three(value)
    text = _interval(3, sign="+")(value)
    return f"**{text.replace(' (', '** (', 1)}" if low > 0 or high < 0 else text


def _percents(value: Value) -> str:
    score, low, high = (f"{100 * v:.0f}" for v in _three(value))
    return f"{score} % ({low}–{high})"


def _mean_percent(value: Value) -> str:
    return f"{100 * (value[0] if isinstance(value, list) else value):.0f} %"


def _mean(digits: int) -> Callable[[Value], str]:
    """The score alone, of one with its interval."""
    return lambda value: _signed(_three(value)[0], f".{digits}f")


def _three(value: Value) -> list[float]:
    if not isinstance(value, list) or len(value) != 3:
        raise ValueError(f"{value}: not a score with its interval")
    return value


def _number(digits: int) -> Callable[[Value], str]:
    return lambda value: _signed(_one(value), f".{digits}f")


def _one(value: Value) -> float:
    if isinstance(value, list):
        raise ValueError(f"{value}: not one number")
    return value


STYLES: Mapping[str, Callable[[Value], str]] = {
    "0": _number(0),
    "1": _number(1),
    "2": _number(2),
    "3": _number(3),
    "4": _number(4),
    "count": lambda value: f"{_one(value):,.0f}",
    "%": lambda value: f"{100 * _one(value):.0f} %",
    "interval": _interval(2),
    "interval3": _interval(3),
    "interval%": _percents,
    "mean%": _mean_percent,
    "mean2": _mean(2),
    "mean3": _mean(3),
    "gain": _gain,
    "of": lambda value: " of ".join(f"{v:.0f}" for v in value) if isinstance(value, list) else "?",
}
"""Every rounding there is: of a number, of a score with its interval, of a count among others."""


def lookup(report: Any, path: str) -> Value:
    """The number, or the score with its 95 % interval, at a path into a report."""
    for name, chosen in STEP.findall(path):
        report = report[name]
        if chosen:
            wanted = [word.strip() for word in chosen.split(",")]
            report = next(row for row in report if set(wanted) <= set(map(str, row.values())))
    if isinstance(report, Mapping):
        report = [report["r_at_10pct"], *report["ci95"]]
    if isinstance(report, list):
        return [round(float(value), 6) for value in report]
    return round(float(report), 6)


class Figures:
    """What was measured, by run and path, and the templates that show it, by name."""

    def __init__(self, runs: dict[str, dict[str, Any]], templates: Mapping[str, str]) -> None:
        self.runs = runs
        self.templates = templates

    @classmethod
    def load(cls, root: Path = ROOT) -> Figures:
        """As they were kept."""
        folder = root / FOLDER
        templates = {file.stem: file.read_text() for file in sorted(folder.glob("*.md"))}
        return cls(json.loads((folder / MEASURED).read_text()), templates)

    def write(self) -> None:
        """Keep what was measured."""
        text = json.dumps(self.runs, indent=1, ensure_ascii=False) + "\n"
        (ROOT / FOLDER / MEASURED).write_text(text)

    def shown(self, field: re.Match[str]) -> str:
        """A field of a template as it is to be read.

        Raises:
            KeyError, ValueError: it was not measured, or does not fit the style.
        """
        run, path, style = field["run"], field["path"], field["style"]
        if path not in self.runs.get(run, {}).get("measured", {}):
            raise KeyError(f"{run}:{path} was not measured; run make figures")
        if style not in STYLES:
            raise ValueError(f"no style {style!r}; there are {', '.join(STYLES)}")
        return STYLES[style](self.runs[run]["measured"][path])

    def fill(self, template: str) -> str:
        """A template with its numbers."""
        return FIELD.sub(self.shown, template)

    def take(self, run: str, report: Path, paths: Sequence[str]) -> None:
        """Take what the pages state of a run from its report."""
        values = json.loads(report.read_text())
        measured = {path: _found(values, path, report) for path in sorted(paths)}
        day = datetime.fromtimestamp(report.stat().st_mtime, UTC).date()
        command = RUNS[run].command.format(runs="runs")
        self.runs[run] = {"command": command, "date": str(day), "measured": measured}


def _found(values: Any, path: str, report: Path) -> Value:
    try:
        return lookup(values, path)
    except (KeyError, StopIteration, TypeError, ValueError, IndexError) as problem:
        raise SystemExit(f"{report}: no number at {path!r} ({problem!r})") from None


def pages(root: Path = ROOT) -> list[Path]:
    """The pages that may hold blocks."""
    return [page for pattern in PAGES for page in sorted(root.glob(pattern))]


def stated(templates: Mapping[str, str]) -> dict[str, list[str]]:
    """The paths that templates ask of each run."""
    fields = [field for text in templates.values() for field in FIELD.finditer(text)]
    return {run: sorted({f["path"] for f in fields if f["run"] == run}) for run in RUNS}


def complaints(page: str, text: str, figures: Figures, *, is_guarded: bool) -> Iterator[str]:
    """What differs between a page and the figures: a line each, with file, line and key."""
    free = list(text)
    for block in BLOCK.finditer(text):
        free[block.start() : block.end()] = re.sub(r"[^\n]", " ", block[0])
        first, name = text.count("\n", 0, block.start("shown")) + 1, block["name"]
        if name not in figures.templates:
            yield f"{page}:{first - 1}: there is no {FOLDER / name}.md"
            continue
        found = block["shown"].split("\n")
        asked = figures.templates[name].split("\n")
        if len(asked) != len(found):
            yield (
                f"{page}:{first}: {len(found) - 1} lines, {len(asked) - 1} in {FOLDER / name}.md: "
                "run make figures"
            )
            continue
        for number, (template, shown) in enumerate(zip(asked, found, strict=True), first):
            yield from _differences(f"{page}:{number}", template, shown, figures)
    if text.count("<!-- figures") != text.count("<!-- /figures -->"):
        yield f"{page}: a block of figures has no end, or no begin"
    for number, line in enumerate("".join(free).split("\n"), 1):
        if is_guarded and line.startswith("|") and (loose := re.search(r"\d\.\d", line)):
            yield (
                f"{page}:{number}: {line[loose.start() :].split(' ')[0]} stands in no block of "
                "figures: nobody would notice if it were wrong (docs/make_figures.py says how)"
            )


def _differences(where: str, template: str, shown: str, figures: Figures) -> Iterator[str]:
    fields = list(FIELD.finditer(template))
    parts = FIELD.sub("\0", template).split("\0")
    found = re.fullmatch("(.+?)".join(map(re.escape, parts)), shown)
    if found is None:
        yield f"{where}: says {shown!r}, where its template is {template!r}: run make figures"
        return
    for field, text in zip(fields, found.groups(), strict=True):
        try:
            measured = figures.shown(field)
        except (KeyError, ValueError) as problem:
            yield f"{where}: {problem.args[0]}"
            continue
        if text != measured:
            yield f"{where}: {field['run']}:{field['path']}: says {text}, measured {measured}"


def check(root: Path = ROOT) -> list[str]:
    """Everything that the pages say otherwise than it was measured."""
    figures = Figures.load(root)
    found = []
    for page in pages(root):
        name = page.relative_to(root).as_posix()
        found += complaints(name, page.read_text(), figures, is_guarded=name in GUARDED)
    return found


def write_pages(figures: Figures) -> None:
    """Write the numbers into the pages."""
    for page in pages():
        text = page.read_text()

        def filled(block: re.Match[str]) -> str:
            name = block["name"]
            body = figures.fill(figures.templates[name])
            return f"<!-- figures: {name} -->\n{body}<!-- /figures -->"

        if (new := BLOCK.sub(filled, text)) != text:
            page.write_text(new)
            print(f"{page.relative_to(ROOT)}: written")


def measure(names: Sequence[str], runs: Path, reports: Mapping[str, Path], *, reuse: bool) -> None:
    """Run what the pages state, or take the reports that are there, and keep the numbers."""
    figures = Figures.load()
    wanted = stated(figures.templates)
    for name in names:
        report = reports.get(name, Path(RUNS[name].report.format(runs=runs)))
        if not reuse and name not in reports:
            command = RUNS[name].command.format(runs=runs)
            print(command, flush=True)
            subprocess.run(shlex.split(command), check=True, cwd=ROOT)
        if report.is_file():
            figures.take(name, report, wanted[name])
        else:
            print(f"{name}: no {report}; the figures of {figures.runs[name]['date']} stay")
    figures.write()


def draw(runs: Path) -> None:
    """The pictures of the pages, by the models of the runs."""
    folder = ROOT / "docs"
    model = str(runs / "small" / "model")
    for script, *options in (["make_sounds.py"], ["make_outputs.py", model],
                             ["make_explorer.py", model]):  # fmt: skip
        subprocess.run([sys.executable, folder / script, *options], check=True, cwd=ROOT)
    crickets = runs / "small" / "maps" / "crickets-at-night.png"
    (folder / "crickets.png").write_bytes(crickets.read_bytes())


def main() -> None:
    """Measure, write, draw; or check."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", choices=[*RUNS, []], help="runs; all by default")
    parser.add_argument("--check", action="store_true", help="compare the pages, and that is all")
    parser.add_argument("--reuse", action="store_true", help="take the reports that are there")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="folder of the runs")
    parser.add_argument("--report", action="append", default=[], metavar="NAME=FILE",
                        help="take a run's report from elsewhere")  # fmt: skip
    parser.add_argument("--no-pictures", action="store_true")
    options = parser.parse_args()
    if not options.check:
        reports = {name: Path(file) for name, _, file in (r.partition("=") for r in options.report)}
        measure(options.names or list(RUNS), options.runs, reports, reuse=options.reuse)
        write_pages(Figures.load())
        if not (options.no_pictures or options.reuse):
            draw(options.runs)
    found = check()
    print("\n".join(found) or "The pages say what was measured.")
    if found:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
