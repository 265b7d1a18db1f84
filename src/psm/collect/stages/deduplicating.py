"""Deduplicating: the same recording twice, by its bytes or by how it sounds."""

from __future__ import annotations

from psm.collect.columns import Stage
from psm.collect.comparing.duplicates import Heard, duplicates
from psm.collect.comparing.fingerprint import SAME, similarity
from psm.collect.refusal import Refused
from psm.collect.run import Site


def deduplicate_all(site: Site) -> None:
    """Leave out, anew, what is another recording again."""
    columns = ("source", "media_sha256", "fingerprint")
    rows = site.catalogue.ready(Stage.DEDUPLICATE, columns)
    if not rows:
        return
    site.heartbeat.begin(Stage.DEDUPLICATE, len(rows))
    heard = [
        Heard(
            key=row["key"],
            source=row["source"],
            sha256=row["media_sha256"],
            fingerprint=row["fingerprint"] or b"",
        )
        for row in rows
    ]
    preferred = tuple(site.plan.config.sources)
    again = duplicates(heard, similarity, alike=SAME, preferred=preferred)
    left_out = {key: Refused("the same as another", detail=kept) for key, kept in again.items()}
    site.catalogue.decide(Stage.DEDUPLICATE, left_out)
    site.beat()
