"""A client that is polite, patient and discreet, at a server that is none of these."""

from __future__ import annotations

import email.utils
import gc
import hashlib
import logging
import time
import traceback
import weakref
from collections.abc import Callable
from pathlib import Path

import pytest

from psm.errors import ConfigError
from psm.http import (
    Client,
    Credential,
    RateLimits,
    RequestFailed,
    StoredRateLimiter,
    client,
    download,
    retry_after,
)
from tests.collect.loopback import SECRETS, Answer, Archives, Misbehaviour

SECRET = SECRETS["XENO_CANTO_KEY"]
BYTES = bytes(range(256)) * 400


def client_of(served: Archives, folder: Path, credential: Credential | None = None) -> Client:
    return client_at(f"{served.url}/it/", folder, credential)


def client_at(base_url: str, folder: Path, credential: Credential | None = None) -> Client:
    limiter = StoredRateLimiter(
        folder / "it.json", RateLimits(requests_per_s=1000.0), who="the archive"
    )
    return Client("tests", limiter, who="the archive", base_url=base_url, credential=credential)


def key(**how: str) -> Credential:
    return Credential(
        title="Closed archive",
        variable="XENO_CANTO_KEY",
        help="Get a key at https://example.org/key",
        **how,
    )


def in_turn(*answers: Answer) -> Misbehaviour:
    """One answer after the other; the last one again and again."""
    left = list(answers)

    def misbehave(*_: object) -> Answer | None:
        return left.pop(0) if len(left) > 1 else left[0]

    return misbehave


def file(sent: int | None = None, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(200, BYTES, "audio/mpeg", named, sent)


def counted(served: Archives) -> int:
    return len(served.asked)


def test_a_client_that_nobody_holds_closes_its_connections(
    served: Archives, tmp_path: Path
) -> None:
    served.misbehave = in_turn(Answer(body=b"{}"))
    one = client_of(served, tmp_path)
    one.json("x")
    opened = one._opened
    held = weakref.ref(one)
    del one
    gc.collect()
    assert held() is None
    assert opened is not None
    assert opened.is_closed


# What may pass is asked again.


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 599])
def test_what_may_pass_is_asked_again(served: Archives, tmp_path: Path, status: int) -> None:
    served.misbehave = in_turn(Answer(status, b"busy"), Answer(status), Answer(body=b'{"a": 1}'))
    assert client_of(served, tmp_path).json("x") == {"a": 1}
    assert counted(served) == 3


def test_in_the_end_it_is_refused_and_may_pass(served: Archives, tmp_path: Path) -> None:
    served.misbehave = in_turn(Answer(503))
    with pytest.raises(RequestFailed, match="the archive answers HTTP 503") as refused:
        client_of(served, tmp_path).json("x")
    assert refused.value.may_pass
    assert counted(served) == client._ATTEMPTS


def test_nobody_answers(tmp_path: Path, unused_tcp_port: int) -> None:
    asked = client_at(f"http://127.0.0.1:{unused_tcp_port}/", tmp_path)
    with pytest.raises(RequestFailed, match="the archive does not answer") as refused:
        asked.json("x")
    assert refused.value.may_pass
    assert refused.value.detail == "ConnectError"


@pytest.fixture
def unused_tcp_port(served: Archives) -> int:
    """Where nobody listens any more."""
    with Archives(0) as other:
        port = int(other.server_address[1])
    assert port != served.server_address[1]
    return port


@pytest.mark.parametrize(
    ("status", "reason"),
    [(404, "gone"), (410, "gone"), (400, "HTTP 400"), (418, "HTTP 418"), (204, "HTTP 204")],
)
def test_what_does_not_pass_is_asked_once(
    served: Archives, tmp_path: Path, status: int, reason: str
) -> None:
    served.misbehave = in_turn(Answer(status))
    with pytest.raises(RequestFailed, match=reason) as refused:
        client_of(served, tmp_path).json("x")
    assert not refused.value.may_pass
    assert counted(served) == 1


def test_back_off_grows(served: Archives, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(client, "_BACK_OFF_S", 8.0)
    monkeypatch.setattr(client.time, "sleep", slept.append)
    served.misbehave = in_turn(Answer(500))
    with pytest.raises(RequestFailed):
        client_of(served, tmp_path).json("x")
    waits = [seconds for seconds in slept if seconds > 1]
    assert len(waits) == client._ATTEMPTS - 1
    assert waits == sorted(waits)


# Retry-After, in both forms.


@pytest.mark.parametrize("as_date", [False, True])
def test_waits_as_long_as_it_is_asked_to(served: Archives, tmp_path: Path, as_date: bool) -> None:
    until = email.utils.formatdate(time.time() + 2.0, usegmt=True)
    asked = {"Retry-After": until if as_date else "1"}
    served.misbehave = in_turn(Answer(429, headers=asked), Answer(body=b"[]"))
    assert client_of(served, tmp_path).json("x") == []
    first, second = served.asked
    assert second.at_s - first.at_s > (0.0 if as_date else 0.9)


def test_who_asks_for_hours_is_asked_another_time(served: Archives, tmp_path: Path) -> None:
    served.misbehave = in_turn(Answer(429, headers={"Retry-After": "3600"}))
    with pytest.raises(RequestFailed) as refused:
        client_of(served, tmp_path).json("x")
    assert refused.value.may_pass
    with pytest.raises(RequestFailed, match="asks to wait"):  # another process, a little later
        client_of(served, tmp_path).json("x")
    assert counted(served) == 1


def test_both_forms_of_retry_after() -> None:
    assert retry_after("2.5") == 2.5
    assert retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0.0
    assert (retry_after("Wed, 21 Oct 2115 07:28:00 GMT") or 0.0) > 1e9
    assert retry_after("soon") is None
    assert retry_after(None) is None


# Credentials.


def test_without_a_credential_it_says_how_to_get_one(
    served: Archives, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XENO_CANTO_KEY", raising=False)
    with pytest.raises(ConfigError, match=r"XENO_CANTO_KEY is not set.*example\.org/key"):
        client_of(served, tmp_path, key()).json("x")
    assert counted(served) == 0


@pytest.mark.usefixtures("credentials")
@pytest.mark.parametrize("status", [401, 403])
def test_a_wrong_credential_is_named_by_its_variable(
    served: Archives, tmp_path: Path, status: int
) -> None:
    served.misbehave = in_turn(Answer(status, SECRET.encode()))
    with pytest.raises(ConfigError, match="is XENO_CANTO_KEY right") as raised:
        client_of(served, tmp_path, key(parameter="key")).json("x")
    assert SECRET not in str(raised.value)
    assert counted(served) == 1


@pytest.mark.usefixtures("credentials")
def test_what_is_not_public_elsewhere_says_nothing_of_the_credential(
    served: Archives, tmp_path: Path
) -> None:
    served.misbehave = in_turn(Answer(403))
    with pytest.raises(RequestFailed, match="not for everybody"):
        client_of(served, tmp_path, key()).download(f"{served.url}/other/x", tmp_path / "f.mp3")


@pytest.mark.usefixtures("credentials")
@pytest.mark.parametrize("how", [{"scheme": "Token"}, {"parameter": "key"}])
def test_only_the_archive_gets_the_credential(
    served: Archives, tmp_path: Path, how: dict[str, str]
) -> None:
    served.misbehave = in_turn(
        Answer(302, headers={"Location": f"{served.url}/elsewhere/y?a=1"}), Answer(body=b"{}")
    )
    client_of(served, tmp_path, key(**how)).json("x", {"page": 2})
    own, other = served.asked
    assert SECRET in own.path + own.headers.get("Authorization", "")
    assert "page=2" in own.path
    assert SECRET not in other.path + str(other.headers)
    assert other.headers["User-Agent"].startswith("psm/")


def _echo(served: Archives) -> Misbehaviour:
    """Sends the client on with all that it asked, as servers do."""

    def misbehave(_: str, path: str, query: dict[str, str]) -> Answer | None:
        if path == "x":
            return Answer(301, headers={"Location": f"{served.url}/it/y?key={query.get('key')}"})
        return Answer(503, str(query).encode())

    return misbehave


MISDEEDS: dict[str, Callable[[Archives], Misbehaviour]] = {
    "unauthorised": lambda _: in_turn(Answer(401, SECRET.encode())),
    "busy": lambda _: in_turn(Answer(429, SECRET.encode())),
    "page": lambda _: in_turn(Answer(200, f"<html>{SECRET}</html>".encode(), "text/html")),
    "dropped": lambda _: in_turn(Answer(200, b"{" * 100, sent=10)),
    "echo": _echo,
    "bad redirect": lambda _: in_turn(Answer(302, headers={"Location": "ftp://example.org/"})),
    "loop": lambda s: in_turn(Answer(302, headers={"Location": f"{s.url}/it/x"})),
    "fine": lambda _: in_turn(Answer(body=b'{"file": "https://x.org/?key=%s"}' % SECRET.encode())),
}


@pytest.mark.usefixtures("credentials")
@pytest.mark.parametrize("misdeed", MISDEEDS)
@pytest.mark.parametrize("how", [{"scheme": "Token"}, {"parameter": "key"}])
def test_nothing_written_or_raised_tells_the_credential(
    served: Archives,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    misdeed: str,
    how: dict[str, str],
) -> None:
    served.misbehave = MISDEEDS[misdeed](served)
    asked = client_of(served, tmp_path, key(**how))
    asked.open()
    for name in ("", "httpx", "httpcore"):  # somebody wants to see it all
        caplog.set_level(logging.DEBUG, logger=name)
    told = []
    for ask in (lambda: asked.json("x"), lambda: asked.download("x", tmp_path / "f.mp3")):
        try:
            told.append(str(ask()))
        except (RequestFailed, ConfigError) as problem:
            told.append("".join(traceback.format_exception(problem)))
            told.append(str(vars(problem)))
            while (before := problem.__context__ or problem.__cause__) is not None:
                told.append(f"{before!r} {vars(before)}")
                problem = before  # type: ignore[assignment]
    told += [record.getMessage() for record in caplog.records]
    told += [repr(asked), str(vars(asked))]
    assert any(SECRET in a.path + str(a.headers) for a in served.asked)
    assert caplog.records
    assert not [words for words in told if SECRET in words]
    assert not [p for p in tmp_path.rglob("*") if p.is_file() and SECRET.encode() in p.read_bytes()]


# Answers.


@pytest.mark.parametrize(
    "answer",
    [
        Answer(200, b"<html>down</html>", "text/html"),
        Answer(200, b"", "application/json"),
        Answer(200, b'{"a": ', "application/json"),
        Answer(200, b"\xff\xfe", "application/json"),
        Answer(200, b"[" * 200_000, "application/json"),
    ],
)
def test_what_is_no_json_is_refused(served: Archives, tmp_path: Path, answer: Answer) -> None:
    served.misbehave = in_turn(answer)
    with pytest.raises(RequestFailed, match="does not answer in JSON") as refused:
        client_of(served, tmp_path).json("x")
    assert refused.value.may_pass


def test_an_answer_without_end_is_refused(
    served: Archives, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "_MOST_JSON_BYTES", 1000)
    served.misbehave = in_turn(Answer(200, b" " * 2000))
    with pytest.raises(RequestFailed, match="too large"):
        client_of(served, tmp_path).json("x")


def test_an_answer_that_drips_is_refused(
    served: Archives, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "_LONGEST_S", -1.0)
    served.misbehave = in_turn(file())
    with pytest.raises(RequestFailed, match="too slowly"):
        client_of(served, tmp_path).download("x", tmp_path / "f.mp3")


def test_redirects_stay_on_the_web(served: Archives, tmp_path: Path) -> None:
    served.misbehave = in_turn(Answer(302, headers={"Location": "file:///etc/passwd"}))
    with pytest.raises(RequestFailed, match="no address of the web"):
        client_of(served, tmp_path).download("x", tmp_path / "f.mp3")
    assert not (tmp_path / "f.mp3").exists()


@pytest.mark.parametrize("address", ["gopher://x/y", "http://[::1", "https://exa mple.org/\x00"])
def test_addresses_of_archives_are_checked(served: Archives, tmp_path: Path, address: str) -> None:
    with pytest.raises(RequestFailed):
        client_of(served, tmp_path).download(address, tmp_path / "f.mp3")


# Files.


def test_a_file_comes_whole(served: Archives, tmp_path: Path) -> None:
    served.misbehave = in_turn(file())
    path = tmp_path / "media" / "f.mp3"
    md5 = hashlib.md5(BYTES).hexdigest()
    client_of(served, tmp_path).download("x", path, size=len(BYTES), md5=md5.upper())
    assert path.read_bytes() == BYTES
    assert [p.name for p in path.parent.iterdir()] == ["f.mp3"]


def test_what_breaks_off_is_taken_up(served: Archives, tmp_path: Path) -> None:
    half = len(BYTES) // 2
    offered = {"ETag": '"1"', "Accept_Ranges": "bytes"}
    rest = Answer(
        206,
        BYTES[half:],
        "audio/mpeg",
        {"Content-Range": f"bytes {half}-{len(BYTES) - 1}/{len(BYTES)}"},
    )
    served.misbehave = in_turn(file(half, **offered), rest)
    client_of(served, tmp_path).download("x", tmp_path / "f.mp3")
    assert (tmp_path / "f.mp3").read_bytes() == BYTES
    assert served.asked[1].headers["Range"] == f"bytes={half}-"
    assert served.asked[1].headers["If-Range"] == '"1"'


@pytest.mark.parametrize(
    "second",
    [
        file(),  # another version: the whole of it
        Answer(416, b""),
        Answer(206, b"xx", "audio/mpeg", {"Content-Range": "bytes 3-4/102400"}),
    ],
)
def test_what_has_changed_is_fetched_anew(served: Archives, tmp_path: Path, second: Answer) -> None:
    offered = {"Last_Modified": "Mon, 01 Jan 2024 00:00:00 GMT", "Accept_Ranges": "bytes"}
    served.misbehave = in_turn(file(1000, **offered), second, file())
    md5 = hashlib.md5(BYTES).hexdigest()
    client_of(served, tmp_path).download("x", tmp_path / "f.mp3", md5=md5)
    assert (tmp_path / "f.mp3").read_bytes() == BYTES


def test_without_a_validator_it_begins_anew(served: Archives, tmp_path: Path) -> None:
    served.misbehave = in_turn(file(1000, Accept_Ranges="bytes"), file())
    client_of(served, tmp_path).download("x", tmp_path / "f.mp3")
    assert (tmp_path / "f.mp3").read_bytes() == BYTES
    assert "Range" not in served.asked[1].headers


@pytest.mark.parametrize(
    ("answer", "reason", "may_pass"),
    [
        (file(1000), "the file comes cut short", True),
        (Answer(200, b"<html>", "text/html"), "a web page comes instead of the file", True),
        (Answer(200, b"", "audio/mpeg"), "the file is empty", False),
    ],
)
def test_a_file_that_never_comes_is_refused(
    served: Archives, tmp_path: Path, answer: Answer, reason: str, may_pass: bool
) -> None:
    served.misbehave = in_turn(answer)
    with pytest.raises(RequestFailed, match=reason) as refused:
        client_of(served, tmp_path).download("x", tmp_path / "media" / "f.mp3")
    assert refused.value.may_pass is may_pass
    assert not list((tmp_path / "media").iterdir())


@pytest.mark.parametrize(
    ("size", "md5", "reason"),
    [
        (len(BYTES) + 1, "", "cut short"),
        (len(BYTES) - 1, "", "not the one that is listed"),
        (None, "0" * 32, "not the one that is listed"),
    ],
)
def test_another_file_than_listed_is_refused(
    served: Archives, tmp_path: Path, size: int | None, md5: str, reason: str
) -> None:
    served.misbehave = in_turn(file())
    with pytest.raises(RequestFailed, match=reason):
        client_of(served, tmp_path).download("x", tmp_path / "f.mp3", size=size, md5=md5)
    assert not (tmp_path / "f.mp3").exists()


@pytest.mark.parametrize("size", [None, len(BYTES)])
def test_a_file_that_is_too_large_is_refused(
    served: Archives, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int | None
) -> None:
    monkeypatch.setattr(client, "MOST_BYTES", len(BYTES) - 1)
    served.misbehave = in_turn(file())
    with pytest.raises(RequestFailed, match="too large"):
        client_of(served, tmp_path).download("x", tmp_path / "f.mp3", size=size)
    assert counted(served) == (1 if size is None else 0)
