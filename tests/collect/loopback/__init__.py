"""Archives that never were, for tests: one server that speaks as all of them do.

Also as a process, until it is stopped::

    python -m tests.collect.loopback --recordings 1000 --port-file served.json --folder tables

``served.json`` then holds ``url``, the ``options`` of each source, and the ``environment`` with
the credentials that are accepted. ``GET /_counts`` says how often who was asked, and how often
past the rate limit.
"""

from tests.collect.loopback.server import (
    SECRETS,
    Answer,
    Archives,
    Asked,
    Misbehaviour,
    archives,
    passes,
)
from tests.collect.loopback.world import LICENCES, Made, Trouble, make

__all__ = [
    "LICENCES",
    "SECRETS",
    "Answer",
    "Archives",
    "Asked",
    "Made",
    "Misbehaviour",
    "Trouble",
    "archives",
    "make",
    "passes",
]
