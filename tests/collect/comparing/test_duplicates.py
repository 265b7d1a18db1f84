"""Duplicates: the same bytes or the same sound, found without comparing everything."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from psm.collect.comparing.duplicates import ComparedRecording, duplicates
from psm.collect.comparing.lookalikes import lookalikes
from psm.seeding import generator

FRAMES = 412


def random_words(name: str, frames: int = FRAMES) -> np.ndarray:
    return generator(0, name).integers(1, 2**32, frames, dtype=np.uint32)


def encoded_again(words: np.ndarray, name: str, *, wrong: float, shift: int = 0) -> np.ndarray:
    """A copy that a codec at a low rate left: noise in the upper bands, some errors below."""
    rng = generator(1, name)
    flips = rng.random((len(words), 32)) < np.where(np.arange(32) < 26, wrong, 0.5)
    masks = np.packbits(flips, axis=1, bitorder="little").view("<u4")[:, 0]
    return (words ^ masks)[shift:]


def data_of(words: np.ndarray) -> bytes:
    return words.astype("<u4").tobytes()


def similarity(a: bytes, b: bytes) -> float:
    """The best alignment within 40 frames, written naively."""
    first, second = np.frombuffer(a, "<u4"), np.frombuffer(b, "<u4")
    best = 0.0
    for shift in range(-40, 41):
        one, other = first[max(0, shift) :], second[max(0, -shift) :]
        size = min(len(one), len(other))
        if size >= 50:
            wrong = np.bitwise_count(one[:size] ^ other[:size]).mean() / 32
            best = max(best, 1.0 - 2.0 * float(wrong))
    return best


def heard(key: str, words: np.ndarray, sha256: str = "") -> ComparedRecording:
    return ComparedRecording(
        key=key, source=key.partition("-")[0], sha256=sha256 or key, fingerprint=data_of(words)
    )


def crowd(count: int) -> list[ComparedRecording]:
    return [heard(f"crowd-{n}", random_words(f"crowd{n}")) for n in range(count)]


def test_the_same_sound_is_found_among_others() -> None:
    bells = random_words("bells")
    rows = [
        *crowd(50),
        heard("yfcc-1", bells),
        heard("freesound-2", encoded_again(bells, "a", wrong=0.1, shift=17)),
        heard("aporee-3", encoded_again(bells, "b", wrong=0.1)),
    ]
    kept = duplicates(rows, similarity, alike=0.35, preferred=("freesound", "aporee"))
    assert kept == {"yfcc-1": "freesound-2", "aporee-3": "freesound-2"}
    assert duplicates(rows, similarity, alike=0.35) == {
        "freesound-2": "aporee-3",
        "yfcc-1": "aporee-3",
    }
    assert duplicates(rows, similarity, alike=0.99) == {}


def test_the_same_bytes_need_no_fingerprint() -> None:
    rows = [
        ComparedRecording(key=f"{name}-{n}", source=name, sha256="aa")
        for name in ("yfcc", "aporee")
        for n in (2, 1)
    ]
    unknown = [ComparedRecording(key="x-1", source="x"), ComparedRecording(key="x-2", source="x")]
    assert duplicates(rows + unknown, similarity, alike=0.35, preferred=("yfcc",)) == {
        "yfcc-2": "yfcc-1",
        "aporee-1": "yfcc-1",
        "aporee-2": "yfcc-1",
    }


def test_a_chain_is_one_group() -> None:
    words = random_words("chain", FRAMES + 60)
    rows = [heard(f"a-{n}", words[30 * n : 30 * n + FRAMES]) for n in range(3)]
    # 0 and 2 are sixty frames apart, farther than the similarity here looks.
    assert similarity(rows[0].fingerprint, rows[2].fingerprint) < 0.35
    assert duplicates(rows, similarity, alike=0.35) == {"a-1": "a-0", "a-2": "a-0"}


def test_silence_and_machines_that_repeat_themselves_cost_little() -> None:
    silent = [heard(f"silent-{n}", np.zeros(FRAMES, np.uint32), f"s{n}") for n in range(3)]
    hums = [np.full(FRAMES, 0xABCDEF12, np.uint32) ^ np.uint32(n << 26) for n in range(64)]
    asked = 0

    def counting(a: bytes, b: bytes) -> float:
        nonlocal asked
        asked += 1
        return similarity(a, b)

    rows = [heard(f"hum-{n:02d}", words, f"h{n}") for n, words in enumerate(hums)]
    found = duplicates(rows + silent[:1], counting, alike=0.35)
    assert found == {f"hum-{n:02d}": "hum-00" for n in range(1, 64)}
    assert asked == 63


def test_few_pairs_are_looked_at_and_none_of_a_codec_is_missed() -> None:
    rows = [data_of(random_words(f"many{n}")) for n in range(1000)]
    copies = [
        data_of(encoded_again(random_words(f"many{n}"), f"copy{n}", wrong=0.12, shift=n % 100))
        for n in range(40)
    ]
    pairs = set(lookalikes(rows + copies))
    assert {(n, 1000 + n) for n in range(40)} <= pairs
    assert len(pairs) < 60


def test_fingerprints_of_any_length_are_compared() -> None:
    whole = random_words("whole")
    rows = [b"", b"abc", data_of(whole), data_of(whole[100:300]) + b"x", data_of(whole[:3])]
    assert list(lookalikes(rows)) == [(2, 3)]
    assert list(lookalikes([])) == []


WORDS = [random_words(f"words{n}", 120) for n in range(3)]
ROWS = st.lists(
    st.builds(
        ComparedRecording,
        key=st.integers(0, 99).map(str),
        source=st.sampled_from("ab"),
        sha256=st.sampled_from(["", "1", "2"]),
        fingerprint=st.sampled_from([b"", *map(data_of, WORDS)])
        | st.integers(0, 9).map(
            lambda n: data_of(encoded_again(WORDS[0], str(n), wrong=0.1, shift=n))
        ),
    ),
    unique_by=lambda row: row.key,
    max_size=12,
)


@given(rows=ROWS, data=st.data())
def test_the_order_of_the_recordings_makes_no_difference(
    rows: list[ComparedRecording], data: st.DataObject
) -> None:
    found = duplicates(rows, similarity, alike=0.35, preferred=("b",))
    shuffled = data.draw(st.permutations(rows))
    assert duplicates(shuffled, similarity, alike=0.35, preferred=("b",)) == found
    assert not set(found) & set(found.values())  # what is kept is nobody's copy
    rest = [row for row in rows if row.key not in found]
    assert duplicates(rest, similarity, alike=0.35, preferred=("b",)) == {}


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=12))
def test_one_is_kept_of_all_that_a_chain_of_matches_connects(said: list[tuple[int, int]]) -> None:
    rows = [
        ComparedRecording(
            key=f"a-{number:02d}",
            source="a",
            sha256=str(bytes_),
            fingerprint=data_of(random_words(f"sound {sound}", 100)),
        )
        for number, (bytes_, sound) in enumerate(said)
    ]
    of = np.array(said, int).reshape(-1, 2)
    reach = (of[:, None] == of[None]).any(axis=2)
    for _ in range(len(said)):
        reach = reach @ reach
    kept = {rows[number].key: rows[np.argmax(reach[number])].key for number in range(len(rows))}
    expected = {key: first for key, first in kept.items() if key != first}
    assert duplicates(rows, similarity, alike=0.35) == expected
