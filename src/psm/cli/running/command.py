"""A command that reads negative numbers as such, and checks its options before it runs."""

from __future__ import annotations

import re
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperCommand

from psm.cli.running import optionmodes, outputs
from psm.cli.running.failures import is_unread
from psm.cli.running.models import forget_models, say_provenance
from psm.cli.running.outputs import verb_of
from psm.cli.running.speaking import print_document, speaking
from psm.errors import OutputError
from psm.oserrors import one_line

# Numbers, or several with commas, perhaps a length last: -3.1 or -33.9,18.4,5km. No option begins
# with a digit. A minus may be the typographic one, as web pages have it.
_COORDINATES = re.compile(r"(?=[\s\d.,+\-\u2212]*\d)[\d.,+\-\u2212\s]+(?:e-?\d+)?(?:k?m)?")

_UNWANTED = re.compile(r"-[^\W\d_]{3}")


class Command(TyperCommand):
    """What every command of ``psm`` is; see :func:`adopt`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """As of every command, but numbers and unwanted sounds that begin with a minus are none."""
        stop = args.index("--") if "--" in args else len(args)
        options = [name for one in self.params for name in one.opts if name.startswith("--")]
        has_terms = any(one.name == "text" for one in self.params)
        held = [_held(arg, options if has_terms else None) for arg in args[:stop]]
        try:
            rest: list[str] = super().parse_args(ctx, [*held, *args[stop:]])
        except typer.TyperException as problem:
            _suggest(problem, args[:stop], options)
            raise
        ctx.params.update({name: _released(value) for name, value in ctx.params.items()})
        return rest

    def invoke(self, ctx: Any) -> Any:
        """Run it, unless an option would be without effect, or a result could not be written."""
        optionmodes.check(ctx)
        outputs.check(ctx)
        forget_models()
        try:
            with speaking(ctx.params):
                result = super().invoke(ctx)
                say_provenance()
                if callable(result):
                    print_document(verb_of(ctx), result)
                    return None
                return result
        except BrokenPipeError as problem:
            if is_unread():  # typer ends quietly
                raise
            raise OutputError(one_line(problem)) from None


def adopt(app: typer.Typer) -> None:
    """Make all commands of an app, and of the apps below it, one of ours."""
    for command in app.registered_commands:
        command.cls = Command
    for group in app.registered_groups:
        if isinstance(group.typer_instance, typer.Typer):
            adopt(group.typer_instance)


def _held(arg: str, options: list[str] | None) -> str:
    """A blank before a minus that is no option's, so that nobody takes it for one.

    Numbers may begin with a blank. Where a command takes terms, ``-traffic`` is one, unless it is
    nearly the name of an option.
    """
    if _COORDINATES.fullmatch(arg):
        plain = arg.replace("\u2212", "-")
        return f" {plain}" if plain.startswith("-") else plain
    is_term = options is not None and _UNWANTED.match(arg) and not _near(arg, options)
    return f" {arg}" if is_term else arg


def _released(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return type(value)(_released(one) for one in value)
    if isinstance(value, (str, Path)) and str(value).startswith(" -"):
        return type(value)(str(value)[1:])
    return value


def _near(word: str, options: list[str]) -> list[str]:
    name = word.partition("=")[0]
    return get_close_matches(f"-{name}", options, n=1, cutoff=0.8)


def _suggest(problem: Any, args: list[str], options: list[str]) -> None:
    """Say of an unknown short option what may be meant: click names its first letter alone."""
    letter = getattr(problem, "option_name", "")
    if getattr(problem, "possibilities", None) or not re.fullmatch("-[^-]", letter):
        return
    words = [arg for arg in args if re.match("-[^-].", arg) and letter[1] in arg]
    if words:
        near = _near(words[0], options)
        told = f"No such option: {words[0]}." + (f" Did you mean {near[0]}?" if near else "")
        problem.message = f"{told} Words that begin with a minus come after --."
