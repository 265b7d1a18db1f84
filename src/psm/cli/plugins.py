"""``psm plugins``: what other installed packages bring."""

from __future__ import annotations

import typer


def list_plugins() -> None:
    """List the parts that other installed packages bring, and how one is asked for.

    A package of your own adds an imagery provider, an archive, a tower or a loss by an entry point;
    see docs/plugins.md and examples/psm-plugin-relief.
    """
    from psm.plugins import KINDS, plugins

    for kind, about in KINDS.items():
        typer.echo(f"psm.{kind}: {about}")
        known = plugins(kind)
        for plugin in known.values():
            typer.echo(f"  {plugin.name:16} {plugin.value} ({plugin.package})")
        if not known:
            typer.echo("  none")
