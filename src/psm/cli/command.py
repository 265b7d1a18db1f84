"""A command that reads negative numbers as such, and checks its options before it runs."""

from __future__ import annotations

import re
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperCommand

from psm.cli import optionmodes, outputs

# Numbers, or several with commas, perhaps a length last: -3.1 or -33.9,18.4,5km. No option begins
# with a digit. A minus may be the typographic one, as web pages have it.
_COORDINATES = re.compile(r"(?=[\s\d.,+\-\u2212]*\d)[\d.,+\-\u2212\s]+(?:e-?\d+)?(?:k?m)?")


class Command(TyperCommand):
    """What every command of ``psm`` is; see :func:`adopt`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """As of every command, but what begins with a minus and a digit is no option."""
        stop = args.index("--") if "--" in args else len(args)
        known = [_held(arg) for arg in args[:stop]] + args[stop:]
        try:
            rest: list[str] = super().parse_args(ctx, known)
        except typer.TyperException as problem:
            _suggest(problem, args[:stop], ctx)
            raise
        ctx.params.update({name: _released(value) for name, value in ctx.params.items()})
        return rest

    def invoke(self, ctx: Any) -> Any:
        """Run it, unless an option would be without effect, or a result could not be written."""
        optionmodes.check(ctx)
        outputs.check(ctx)
        return super().invoke(ctx)


def adopt(app: typer.Typer) -> None:
    """Make all commands of an app, and of the apps below it, one of ours."""
    for command in app.registered_commands:
        command.cls = Command
    for group in app.registered_groups:
        if isinstance(group.typer_instance, typer.Typer):
            adopt(group.typer_instance)


def _held(arg: str) -> str:
    """A blank before a minus, so that nobody takes it for an option; numbers may begin with one."""
    if not _COORDINATES.fullmatch(arg):
        return arg
    plain = arg.replace("\u2212", "-")
    return f" {plain}" if plain.startswith("-") else plain


def _released(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return type(value)(_released(one) for one in value)
    if isinstance(value, (str, Path)) and str(value).startswith(" -"):
        return type(value)(str(value)[1:])
    return value


def _suggest(problem: Any, args: list[str], ctx: Any) -> None:
    """Say of an unknown short option what may be meant: click names its first letter alone."""
    letter = getattr(problem, "option_name", "")
    if getattr(problem, "possibilities", None) or not re.fullmatch("-[^-]", letter):
        return
    words = [arg for arg in args if re.match("-[^-]", arg) and letter[1] in arg]
    if not words or len(words[0]) < 3:
        return
    word = words[0]
    options = [name for one in ctx.command.params for name in one.opts if name.startswith("--")]
    near = get_close_matches(f"-{word}", options, n=1)
    told = f"No such option: {word}"
    if near:
        told += f". Did you mean {near[0]}?"
    elif "--not" in options:
        told += f". To leave a sound out: --not {word[1:]}"
    problem.message = f"{told} (words that begin with a minus come after --)"
