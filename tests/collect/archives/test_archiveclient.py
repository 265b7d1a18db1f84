"""What an archive's client says when a request fails: a refusal that the catalogue can keep."""

from __future__ import annotations

from pathlib import Path

import pytest

from psm.collect.archives.archive import ArchiveTerms
from psm.collect.archives.webarchive import ArchiveClient
from psm.collect.refusal import RateLimited, Refused
from psm.errors import ConfigError
from tests.collect.loopback import Answer, Archives

TERMS = ArchiveTerms(title="It", home="", terms_url="", attribution="", requests_per_s=1000.0)


def asked(served: Archives, folder: Path) -> ArchiveClient:
    return ArchiveClient("it", TERMS, base_url=f"{served.url}/it", folder=folder)


@pytest.mark.parametrize(
    ("answer", "reason", "may_pass"),
    [(Answer(503), "the archive answers HTTP 503", True), (Answer(404), "gone", False)],
)
def test_a_request_that_fails_refuses_the_recording(
    served: Archives, tmp_path: Path, answer: Answer, reason: str, may_pass: bool
) -> None:
    served.misbehave = lambda *_: answer
    client = asked(served, tmp_path)
    for ask in (lambda: client.json("x"), lambda: client.download("x", tmp_path / "f.mp3")):
        with pytest.raises(Refused, match=reason) as refused:
            ask()
        assert (refused.value.may_pass, refused.value.detail) == (
            may_pass,
            "127.0.0.1" if may_pass else "127.0.0.1 answers 404",
        )


def test_an_archive_that_asks_to_wait_for_long_refuses_no_recording(
    served: Archives, tmp_path: Path
) -> None:
    served.misbehave = lambda *_: Answer(429, headers={"Retry-After": "3600"})
    with pytest.raises(Refused):
        asked(served, tmp_path).json("x")
    with pytest.raises(RateLimited, match="the archive asks to wait") as refused:
        asked(served, tmp_path).json("x")
    assert "min" in refused.value.detail
    assert [path.name for path in tmp_path.glob("it-*.json")] == [
        f"it-127.0.0.1-{served.server_address[1]}.json"
    ]


def test_the_address_of_an_archive_is_checked(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="archive it: base_url 'ftp://x' is no address"):
        ArchiveClient("it", TERMS, base_url="ftp://x", folder=tmp_path)
