"""Tables of a protocol: printed, and written as JSON, Markdown and LaTeX beside each other."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from psm.evaluation.typesetting import LATEX_HEADER, ResultTable, latex, markdown, screen
from psm.files import atomic_path
from psm.progress import wide_console


def write_typeset(tables: Sequence[ResultTable], document: object, path: Path) -> None:
    """Print tables and write them in every format.

    Args:
        tables: in order.
        document: JSON-ready; what the tables are made from.
        path: of the JSON; Markdown and LaTeX have its name and their own suffix.
    """
    for table in tables:
        wide_console().print(screen(table))
    formats = {
        ".json": json.dumps(document, indent=1) + "\n",
        ".md": "\n".join(map(markdown, tables)),
        ".tex": "\n".join([LATEX_HEADER, *map(latex, tables)]),
    }
    for suffix, text in formats.items():
        with atomic_path(path.with_suffix(suffix)) as aside:
            aside.write_text(text)
