from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psm.errors import ConfigError
from psm.mapping import Term


@pytest.mark.parametrize(
    ("text", "wordings", "weight"),
    [
        ("church bells", ("church bells",), 1.0),
        (" frogs *2 ", ("frogs",), 2.0),
        ("frogs* 0.5", ("frogs",), 0.5),
        ("-traffic", ("traffic",), -1.0),
        ("- traffic*3", ("traffic",), -3.0),
        ("traffic*-1", ("traffic",), -1.0),
        ("frogs | toads|frogs", ("frogs", "toads"), 1.0),
        ("semi-trailer", ("semi-trailer",), 1.0),
    ],
)
def test_terms_as_people_type_them(text: str, wordings: tuple[str, ...], weight: float) -> None:
    assert Term.parse(text) == Term(wordings=wordings, weight=weight)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("frogs*many", r"weight of a term, a number, as in 'frogs\*2'"),
        ("frogs*", "a number"),
        ("frogs*0", "a weight of 0 says nothing"),
        ("frogs*inf", "says nothing"),
        ("frogs|", r"empty wording beside \|"),
        ("", "query text is empty"),
        ("-", "query text is empty"),
        ("*2", "query text is empty"),
    ],
)
def test_errors_teach_the_notation(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Term.parse(text)


@given(st.text(max_size=30))
def test_any_text_is_a_term_or_a_one_line_error(text: str) -> None:
    lines: list[str] = []
    try:
        assert all(Term.parse(text).wordings)
    except ConfigError as problem:
        lines = f"{problem}".splitlines()
    assert len(lines) <= 1


def test_recordings_take_weights_too(tmp_path: Path) -> None:
    odd = tmp_path / "take*2"
    odd.touch()
    assert Term.parse_audio("rain.wav*-2") == Term(audio=Path("rain.wav"), weight=-2.0)
    assert Term.parse_audio(str(odd)) == Term(audio=odd)


def test_a_term_is_words_or_a_recording() -> None:
    with pytest.raises(ConfigError, match="either words or a recording"):
        Term(wordings=("rain",), audio=Path("rain.wav"))
    with pytest.raises(ConfigError, match="either words or a recording"):
        Term()
    with pytest.raises(ConfigError, match="tuple of wordings"):
        Term(wordings="rain")  # type: ignore[arg-type]
