"""Tables of results, typeset as Markdown, as LaTeX (booktabs) and for the terminal."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from rich import box
from rich.console import Group
from rich.table import Table as RichTable
from rich.text import Text

from psm.errors import ConfigError

LATEX_HEADER = "% needs \\usepackage{booktabs} and \\usepackage{amssymb}\n"

_LATEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "#": r"\#",
    "$": r"\$",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "→": r"$\rightarrow$",
    "✓": r"\checkmark",
    "–": "--",
    "×": r"$\times$",
    "†": r"\textdagger{}",
    "|": r"$|$",
    "<": r"$<$",
    ">": r"$>$",
}


class OfModel(Protocol):
    """A result that names the model it is of."""

    @property
    def model(self) -> str: ...


Result = TypeVar("Result", bound=OfModel)


@dataclass(frozen=True)
class TableRow:
    """One row of a table.

    Attributes:
        cells: one text a column.
        bold: columns that stand out.
        opens_block: whether a rule separates it from the row above.
        is_reference: chance and oracles, which no model is.
    """

    cells: tuple[str, ...]
    bold: frozenset[int] = frozenset()
    opens_block: bool = False
    is_reference: bool = False


@dataclass(frozen=True)
class ResultTable:
    """A table that says itself what it shows.

    Attributes:
        label: short name, for references.
        title: what is shown.
        caption: how to read it, in full sentences.
        columns: headings.
        labels: how many of the first columns are text, set to the left.
        lines: rows in order.
    """

    label: str
    title: str
    caption: str
    columns: tuple[str, ...]
    labels: int
    lines: tuple[TableRow, ...]


Value = tuple[float, str]
"""What a cell is compared by, larger is better, and how it is written."""


def block_of(rows: Sequence[tuple[tuple[str, ...], Sequence[Value]]]) -> list[TableRow]:
    """Rows of one kind, the best of each column in bold where there is a choice.

    Args:
        rows: labels and values of each.
    """
    best = [max(column)[0] for column in zip(*(values for _, values in rows), strict=True)]
    return [
        TableRow(
            cells=(*labels, *(text for _, text in values)),
            bold=frozenset(
                len(labels) + i
                for i, (value, _) in enumerate(values)
                if value == best[i] and len(rows) > 1
            ),
            opens_block=not number,
        )
        for number, (labels, values) in enumerate(rows)
    ]


def markdown(table: ResultTable) -> str:
    """As GitHub's Markdown."""
    rows = [[_escape_markdown(column) for column in table.columns]]
    rows.append(["---" if i < table.labels else "---:" for i in range(len(table.columns))])
    for line in table.lines:
        rows.append(
            [_marked(line, i, "**", "**", _escape_markdown) for i in range(len(line.cells))]
        )
    body = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return f"## {table.title}\n\n{_escape_markdown(table.caption)}\n\n{body}\n"


def latex(table: ResultTable) -> str:
    """As a LaTeX float with booktabs rules."""
    align = "l" * table.labels + "r" * (len(table.columns) - table.labels)
    lines = [
        r"\begin{table*}[t]",
        r"\centering\small",
        rf"\caption{{{_escape_latex(f'{table.title}. {table.caption}')}}}",
        rf"\label{{tab:{table.label}}}",
        rf"\begin{{tabular}}{{{align}}}",
        r"\toprule",
        " & ".join(map(_escape_latex, table.columns)) + r" \\",
        r"\midrule",
    ]
    for number, line in enumerate(table.lines):
        if line.opens_block and number:
            lines.append(r"\midrule")
        cells = [_marked(line, i, r"\textbf{", "}", _escape_latex) for i in range(len(line.cells))]
        lines.append(" & ".join(cells) + r" \\")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", r"\end{table*}", ""])


def screen(table: ResultTable) -> Group:
    """For the terminal."""
    shown = RichTable(box=box.SIMPLE_HEAD, header_style="bold", padding=(0, 1, 0, 0))
    for number, column in enumerate(table.columns):
        shown.add_column(column, justify="left" if number < table.labels else "right")
    for number, line in enumerate(table.lines):
        if line.opens_block and number:
            shown.add_section()
        cells = [Text(c, "bold" if i in line.bold else "") for i, c in enumerate(line.cells)]
        shown.add_row(*cells, style="dim" if line.is_reference else "")
    return Group(Text(table.title, "bold"), Text(table.caption), shown)


def _marked(
    line: TableRow, column: int, before: str, after: str, escape: Callable[[str], str]
) -> str:
    text = escape(line.cells[column])
    return f"{before}{text}{after}" if column in line.bold and text else text


def _escape_latex(text: str) -> str:
    return "".join(_LATEX.get(character, character) for character in text)


def _escape_markdown(text: str) -> str:
    return text.replace("|", r"\|").replace("*", r"\*")


def asked_alike(
    results: Sequence[Result], task: Callable[[Result], Hashable], called: Callable[[Result], str]
) -> list[list[Result]]:
    """Results by what was asked: those of one group share a table.

    Args:
        results: of any models.
        task: what a model was asked; equal where results can be compared.
        called: the task in words, for errors.

    Returns:
        The groups, in the order of their first results.

    Raises:
        ConfigError: two models of one group have one name.
    """
    groups: dict[Hashable, list[Result]] = {}
    for result in results:
        groups.setdefault(task(result), []).append(result)
    for group in groups.values():
        names = [result.model for result in group]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ConfigError(
                f"two models {called(group[0])} are called {twice!r}: "
                "measure one of them again with --name"
            )
    return list(groups.values())
