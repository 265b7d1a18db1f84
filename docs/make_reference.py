"""Reference pages of the site, from the code: commands of ``psm``, and what its packages export.

Nothing here is written by hand, so that nothing can be out of date: commands come from the Typer
app, Python from ``__all__`` and the docstrings.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import typer

PACKAGES = (
    "psm", "psm.mapping", "psm.imagery", "psm.features", "psm.explaining", "psm.training",
    "psm.evaluation", "psm.measures", "psm.indicators", "psm.planning", "psm.collect",
)  # fmt: skip
"""What Python users import from; all of it is listed in their ``__all__``."""

_KINDS = {str: "text", int: "whole number", float: "number", Path: "path", bool: ""}


@cache
def _program() -> Any:
    from psm.cli.app import app

    return typer.main.get_command(app)


def commands() -> Iterator[tuple[str, Any]]:
    """Every command as ``("data import", command)``, in the order of ``psm --help``."""
    yield from _below(_program(), "")


def groups() -> dict[str, Any]:
    """The commands that have commands below them, by name."""
    return {name: one for name, one in _program().commands.items() if hasattr(one, "commands")}


def _below(group: Any, above: str) -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _below(command, f"{above}{name} ")
        else:
            yield f"{above}{name}", command


def command_page() -> str:
    """Markdown of all commands: what they do, their arguments and options with defaults."""
    everything = list(commands())
    index = "\n".join(
        f"| [`psm {name}`](#{_anchor(name)}) | {_cell(_first(command.help))} |"
        for name, command in everything
    )
    parts = [
        "# Commands",
        "Written from the program itself; `psm COMMAND --help` prints the same.",
        f"| command | does |\n|---|---|\n{index}",
    ]
    said = {name: one.help for name, one in groups().items()}
    for name, command in everything:
        first, _, rest = name.partition(" ")
        if rest and first in said:
            parts.append(f"## psm {first}\n\n{_prose(said.pop(first) or '')}")
        parts.append(f"{'###' if rest else '##'} psm {name}\n\n{_prose(command.help or '')}")
        parts.append(_parameters(command))
    return "\n\n".join(part for part in parts if part) + "\n"


def _anchor(name: str) -> str:
    return "psm-" + name.replace(" ", "-")


def _first(text: str | None) -> str:
    return (text or "").strip().split("\n\n")[0].replace("\n", " ")


def _prose(text: str) -> str:
    """Help as Markdown: a line of nothing but a command begins a paragraph of its own."""
    return re.sub(r"\n(?=`psm )", "\n\n", text.replace("\b", "").strip())


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ").replace("<", "&lt;")


def _parameters(command: Any) -> str:
    rows = []
    for one in command.params:
        if one.hidden:
            continue
        names = [*one.opts, *one.secondary_opts]
        is_option = names[0].startswith("-")
        shown = ", ".join(f"`{n}`" for n in names) if is_option else f"`{one.name.upper()}`"
        kind = _kind(one.type_descriptor.annotation) + (", several times" if one.multiple else "")
        rows.append(f"| {shown} | {_cell(kind)} | {_cell(one.help or '')} | {_default(one)} |")
    if not rows:
        return ""
    return "| option | takes | says | default |\n|---|---|---|---|\n" + "\n".join(rows)


def _kind(annotation: Any) -> str:
    if get_origin(annotation) is Literal:
        return " | ".join(f"`{choice}`" for choice in get_args(annotation))
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        return " | ".join(f"`{choice.value}`" for choice in annotation)
    inner = [one for one in get_args(annotation) if one is not type(None)]
    if inner:
        return " ".join(dict.fromkeys(_kind(one) for one in inner if one is not Ellipsis))
    return _KINDS.get(annotation, getattr(annotation, "__name__", "text").lower())


def _default(one: Any) -> str:
    if one.required:
        return "*needed*"
    value = one.default
    if value is None or value is False or callable(value) or value in ((), [], ""):
        return ""
    if isinstance(value, enum.Enum):
        value = value.value
    return "on" if value is True else f"`{_cell(str(value))}`"


def exported(package: str) -> dict[str, str]:
    """Every public name of a package, and where its source is, as ``psm.mapping.cells.Cells``."""
    module = import_module(package)
    found = {}
    for name in module.__all__:
        value = getattr(module, name)
        home = getattr(value, "__module__", "") if callable(value) else ""
        is_ours = home.startswith("psm") and hasattr(value, "__qualname__")
        found[name] = f"{home}.{value.__qualname__}" if is_ours else f"{package}.{name}"
    return found


def package_page(package: str) -> str:
    """Markdown of a package: its docstring, then everything that it exports.

    ``::: NAME`` is filled in from the docstrings when the site is built.
    """
    head = (import_module(package).__doc__ or "").strip()
    parts = [f"# {package}", as_markdown(head)]
    for name, path in exported(package).items():
        if name == "__version__":
            continue
        parts.append(f"::: {path}\n    options:\n      heading: {name}\n      toc_label: {name}")
    return "\n\n".join(parts) + "\n"


def as_markdown(docstring: str) -> str:
    """A docstring as Markdown: literal blocks, roles and double quotes of reStructuredText."""
    text = re.sub(r"^[ ]*::[ ]*\n", "", docstring, flags=re.MULTILINE)
    text = re.sub(r"(?<=\S)::$", ":", text, flags=re.MULTILINE)
    text = re.sub(r"^([ ]*)Example:$", r"\1Examples:", text, flags=re.MULTILINE)
    return re.sub(r":\w+:`~?([^`]+)`", r"`\1`", text)


def pages() -> dict[str, str]:
    """All reference pages, by their place below ``reference/``."""
    found = {"cli.md": command_page()}
    found |= {f"{package}.md": package_page(package) for package in PACKAGES}
    return found
