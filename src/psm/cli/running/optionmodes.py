"""Which options a command does not use, by the others: given all the same, they are refused.

An option that is dropped without a word gives an answer to another question.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from psm.cli.region_options import GLOBE
from psm.cli.running.outputs import verb_of
from psm.errors import ConfigError

Given = Mapping[str, Any]
"""The values of all options of a command, by parameter."""


@dataclass(frozen=True)
class Mode:
    """What a command does where some options are given, and the options that it then ignores.

    Attributes:
        holds: whether the options ask for it.
        reason: why the others have no effect, with the values of options in braces.
        unused: parameters.
    """

    holds: Callable[[Given], bool]
    reason: str
    unused: tuple[str, ...]


_CELLS = ("region", "spacing", "step", "crs", "land_only", "without_area")
_QUERY = ("text", "without", "audio", "match")
_IMAGERY = ("imagery", "imagery_set", "features", "features_set")
_OF_AGAINST = ("query", "map_file", "value", "column", "baselines")
_OF_MAP_FILE = ("band", "any_time")
_OF_QUERY = ("month", "hour", "zoom", "raw", *_IMAGERY)
_MEASURED = Mode(
    lambda given: given["measure"] is not None,
    "--measure {measure}: it is mapped instead of a query",
    (*_QUERY, "raw"),
)
_INDICATED = Mode(
    lambda given: given["indicator"] is not None,
    "--indicator {indicator}: it is mapped instead of a query or a measure",
    (*_QUERY, "measure", "raw", "audio_source", "caption_source", "ensemble", "truth"),
)
_STORE = Mode(
    lambda given: given["store"] is not None,
    "--store {store}: a store has its own region, imagery and features",
    (*_CELLS, *_IMAGERY),
)
_NO_STORE = Mode(
    lambda given: given["store"] is None and given["region"] not in (None, GLOBE),
    "only a prepared store, and the globe that comes with a model, are not exact",
    ("exact",),
)


def _draws(given: Given) -> bool:
    out = given["out"]
    return not out or any(path.suffix.lower() in (".png", ".svg") for path in out)


MODES: dict[str, tuple[Mode, ...]] = {
    "map": (
        _INDICATED,
        _MEASURED,
        Mode(
            lambda given: given["indicator"] is None,
            "only an --indicator has sounds with classes",
            ("vocabulary",),
        ),
        Mode(
            lambda given: given["measure"] is not None,
            "--measure {measure}: only a query has sources, wordings, its colours and a truth",
            ("audio_source", "caption_source", "ensemble", "truth", "scale"),
        ),
        _STORE,
        _NO_STORE,
        Mode(lambda given: not given["text"], "only a text has several wordings", ("ensemble",)),
        Mode(lambda given: not _draws(given), "no PNG or SVG is written", ("uncertainty",)),
    ),
    "search": (
        Mode(
            lambda given: given["gallery"] is not None and given["place"] is not None,
            "--gallery {gallery}: recordings are searched for a place, not places for a query",
            (*_QUERY, *_CELLS, "store", "exact", "measure"),
        ),
        Mode(
            lambda given: given["captions"] is not None and given["place"] is not None,
            "--captions {captions}: captions are ranked for a place",
            (*_QUERY, *_CELLS, "store", "exact", "measure", "apart"),
        ),
        Mode(
            lambda given: given["place"] is None,
            "only a --place has captions",
            ("captions",),
        ),
        Mode(
            lambda given: given["captions"] is None,
            "only --captions are ranked by what the model is told of sources",
            ("audio_source", "caption_source"),
        ),
        Mode(
            lambda given: given["gallery"] is None,
            "only a --gallery has splits",
            ("split",),
        ),
        _MEASURED,
        _STORE,
        _NO_STORE,
    ),
    "profile": (
        Mode(
            lambda given: bool(given["indicator"]),
            "--indicator: numbers of all sounds are asked instead of each",
            ("sound", "measure", "most", "raw"),
        ),
        Mode(
            lambda given: given["measure"] is not None,
            "--measure {measure}: it is asked instead of sounds",
            ("sound", "vocabulary", "most", "raw"),
        ),
    ),
    "embed": (
        Mode(
            lambda given: given["executor"].value != "ray",
            "an address needs --executor ray",
            ("ray_address",),
        ),
    ),
    "evaluate": (
        Mode(
            lambda given: not given["maps"] or given["protocol"] is not None,
            "no --maps are drawn",
            ("step",),
        ),
        Mode(
            lambda given: given["protocol"] is None and given["recordings"] is None,
            "no --protocol is asked for",
            ("name",),
        ),
        Mode(
            lambda given: given["protocol"] == "mteb",
            "--protocol {protocol}: nothing is drawn at random",
            ("seed",),
        ),
        Mode(
            lambda given: given["recordings"] is None,
            "no --recordings are to be named",
            ("manifest",),
        ),
        Mode(
            lambda given: given["recordings"] is not None,
            "--recordings {recordings}: they are named without an Earth",
            ("data", "seed"),
        ),
        Mode(
            lambda given: given["against"] is None,
            "only --against holds anything against measured numbers",
            (*_OF_AGAINST, *_OF_MAP_FILE, *_OF_QUERY),
        ),
        Mode(
            lambda given: given["against"] is not None,
            "--against {against}: no Earth is asked",
            ("data",),
        ),
        Mode(
            lambda given: given["map_file"] is not None,
            "--map {map_file}: no model is asked",
            ("model", "precision", *_OF_QUERY),
        ),
        Mode(
            lambda given: given["map_file"] is None,
            "no --map is read",
            _OF_MAP_FILE,
        ),
    ),
    "serve": (
        Mode(
            lambda given: bool(given["store"]),
            "stores have their own cells; only the embedded Earth has steps",
            ("step",),
        ),
        Mode(
            lambda given: "://" not in given["base"],
            "--base {base}: only a tile URL needs one",
            ("base_attribution",),
        ),
    ),
}
"""By command. Options that contradict each other, and need more to tell, are checked where read."""


def check(ctx: Any) -> None:
    """Refuse options that would have no effect beside the others.

    Raises:
        ConfigError: there is one; the message says why, and what to leave out.
    """
    for mode in MODES.get(verb_of(ctx), ()):
        if not mode.holds(ctx.params):
            continue
        flags = [_flag(one) for one in ctx.command.params if one.name in mode.unused
                 and _is_given(ctx, one.name)]  # fmt: skip
        if flags:
            reason = mode.reason.format(**ctx.params)
            raise ConfigError(f"{reason}; leave out {', '.join(flags)}")


def _is_given(ctx: Any, name: str) -> bool:
    source = ctx.get_parameter_source(name)
    return source is not None and source.name in ("COMMANDLINE", "ENVIRONMENT")


def _flag(parameter: Any) -> str:
    return str(parameter.opts[0] if parameter.opts[0].startswith("-") else parameter.name)
