"""Results of several models and protocols, read from their files and joined into tables."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from psm.errors import ConfigError, MissingData
from psm.evaluation.papertables import paper_tables
from psm.evaluation.protocols.mteb import MTEB_NAME, MtebResult, mteb_tables
from psm.evaluation.protocols.sat2sound import SAT2SOUND_NAME, Sat2SoundResult
from psm.evaluation.protocols.sat2soundtables import sat2sound_tables
from psm.evaluation.protocols.writing import write_typeset
from psm.evaluation.psm2024 import RESULT_NAME, Psm2024Result
from psm.evaluation.typesetting import ResultTable
from psm.yamlfiles import parse


@dataclass(frozen=True)
class Protocol:
    """A protocol whose results can be joined.

    Attributes:
        file: that a result is kept in.
        result: of one model.
        tables: made of the results of several.
    """

    file: str
    result: type[BaseModel]
    tables: Callable[[Sequence[Any]], tuple[ResultTable, ...]]

    @property
    def names(self) -> str:
        """The files of its tables, in words."""
        path = Path(self.file)
        return ", ".join(str(path.with_suffix(suffix)) for suffix in (".json", ".md", ".tex"))


PROTOCOLS: dict[str, Protocol] = {
    "psm2024": Protocol(RESULT_NAME, Psm2024Result, paper_tables),
    "sat2sound": Protocol(SAT2SOUND_NAME, Sat2SoundResult, sat2sound_tables),
    "mteb": Protocol(MTEB_NAME, MtebResult, mteb_tables),
}
"""By name, as ``--protocol`` has it."""


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    results: tuple[dict[str, Any], ...]


def read_every(paths: Sequence[Path]) -> dict[str, tuple[Any, ...]]:
    """The results in files, or in folders that hold some, by protocol.

    Raises:
        MissingData: there is no such file.
        ConfigError: a file holds something else.
    """
    found: dict[str, tuple[Any, ...]] = {}
    for given in paths:
        for path in _files(given):
            try:
                content = json.loads(path.read_text())
            except FileNotFoundError:
                raise MissingData(_missing(path)) from None
            except (OSError, ValueError) as problem:
                raise ConfigError(f"{path}: not readable as JSON ({problem})") from None
            for values in parse(_File, content, str(path)).results:
                name = values.get("protocol")
                if name not in PROTOCOLS:
                    known = ", ".join(PROTOCOLS)
                    raise ConfigError(f"{path}: protocol {name!r}; known are {known}")
                result = parse(PROTOCOLS[name].result, values, str(path))
                found[name] = (*found.get(name, ()), result)
    return {name: found[name] for name in PROTOCOLS if name in found}


def write_every(results: dict[str, tuple[Any, ...]], out: Path) -> list[str]:
    """Print and write the tables of each protocol; the names of the files are returned.

    Raises:
        ConfigError: two models in one table have one name.
    """
    tables = {name: PROTOCOLS[name].tables(some) for name, some in results.items()}
    for name, some in results.items():
        document = {"results": [result.model_dump(mode="json") for result in some]}
        write_typeset(tables[name], document, out / PROTOCOLS[name].file)
    return [PROTOCOLS[name].names for name in results]


def _files(given: Path) -> list[Path]:
    if not given.is_dir():
        return [given]
    there = [path for one in PROTOCOLS.values() if (path := given / one.file).is_file()]
    if not there:
        raise MissingData(_missing(given))
    return there


def _missing(path: Path) -> str:
    first, *others, last = PROTOCOLS
    names = f"{', '.join([first, *others])} or {last}"
    return f"{path}: no such result; make it with psm evaluate --protocol {names}"
