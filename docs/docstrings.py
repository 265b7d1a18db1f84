"""Docstrings as the site wants them: what is reStructuredText in them becomes Markdown."""

from __future__ import annotations

from typing import Any

from griffe import Extension
from make_reference import as_markdown


class Docstrings(Extension):
    """Changes every docstring before it is parsed."""

    def on_object(self, *, obj: Any, **_: Any) -> None:
        """Of one module, class, function or attribute."""
        if obj.docstring is not None:
            obj.docstring.value = as_markdown(obj.docstring.value)
