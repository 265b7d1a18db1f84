"""Candidate pairs of similar fingerprints, found among hundreds of thousands without comparing all.

Comparing all pairs takes years. But two copies of one recording, shifted and encoded differently,
have some frames whose words agree in nearly all bits. All words are therefore sorted by the bits of
the lower bands, which codecs keep, and of the pairs that meet there only those go on that agree
around that frame too. What is alike by chance drops out at little cost.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

# A codec at a low rate cuts the upper bands off: their six bits are noise. Of 25 field recordings
# all met their own copies at the worst rate of MP3 in 2 to 72 frames, by whole words six did.
_KEY_BITS = 24
_PASSES = 16
"""Parts of the keys that are sorted one after the other, which bounds the memory."""

_NEIGHBOURS = 24
"""Pairs that one word makes with those sorted next to it; sounds of machines repeat themselves."""

_FAR = np.array([-48, -24, 24, 48])
_FAR_WRONG = 0.42
_AROUND = np.arange(-64, 65, 4)
_AROUND_WRONG = 0.40
_LEAST_BITS = 8 * 32
_BATCH = 1 << 18
_BLOCK = 1 << 22

Words = NDArray[np.uint32]
Places = NDArray[np.int64]


def lookalikes(fingerprints: Sequence[bytes]) -> Iterator[tuple[int, int]]:
    """Pairs of fingerprints that may be alike, by number, the lower first, each once, in order.

    Args:
        fingerprints: words of 32 bits, little-endian, one a frame of some 23 ms; zero says nothing.
    """
    sizes = np.array([len(data) // 4 for data in fingerprints], np.int64)
    starts = np.concatenate([[0], np.cumsum(sizes)])
    words: Words = np.frombuffer(
        b"".join(data[: 4 * size] for data, size in zip(fingerprints, sizes, strict=True)), "<u4"
    ).astype(np.uint32, copy=False)
    # A part of the keys after the other: words meet, and what agrees around the meeting stays.
    found = [np.zeros(0, np.int64)]
    for part in range(_PASSES):
        for one, other in _meetings(words, starts, part):
            found.append(_agreeing(words, starts, one, other, len(fingerprints)))
    # Many frames of two copies meet; each pair of recordings is told once.
    for code in np.unique(np.concatenate(found)):
        low, high = divmod(int(code), len(fingerprints))
        yield low, high


def _meetings(words: Words, starts: Places, part: int) -> Iterator[tuple[Places, Places]]:
    """Places of words with equal keys in different recordings, in batches."""
    # Sort the words of this part by key, so that equal keys stand side by side.
    at = _places(words, part)
    row, word = np.searchsorted(starts, at, side="right") - 1, words[at]
    key = word & np.uint32((1 << _KEY_BITS) - 1)
    order = np.lexsort((at, row, word, key))
    at, row, word, key = at[order], row[order], word[order], key[order]
    # A recording that says a word again says nothing new.
    is_new = np.ones(len(at), bool)
    is_new[1:] = (word[1:] != word[:-1]) | (row[1:] != row[:-1])
    at, row, key = at[is_new], row[is_new], key[is_new]
    # A word meets those up to so many places behind it, not all with its key: that is linear.
    for step in range(1, _NEIGHBOURS + 1):
        meets = np.flatnonzero((key[step:] == key[:-step]) & (row[step:] != row[:-step]))
        for first in range(0, len(meets), _BATCH):
            some = meets[first : first + _BATCH]
            yield at[some], at[some + step]


def _places(words: Words, part: int) -> Places:
    """Where words stand whose keys are of a part; what says nothing is left out."""
    found = []
    for first in range(0, len(words), _BLOCK):
        block = words[first : first + _BLOCK]
        found.append(first + np.flatnonzero((block % _PASSES == part) & (block != 0)))
    return np.concatenate([np.zeros(0, np.int64), *found])


def _agreeing(
    words: Words, starts: Places, one: Places, other: Places, count: int
) -> NDArray[np.int64]:
    """Codes ``low * count + high`` of recordings that agree around the frames where they met."""
    # Four far frames refute most chance meetings cheaply; a dense look around judges the rest.
    for offsets, most in ((_FAR, _FAR_WRONG), (_AROUND, _AROUND_WRONG)):
        wrong, bits = _errors(words, starts, one, other, offsets)
        agrees = wrong <= most * bits
        if offsets is _AROUND:
            agrees &= bits >= _LEAST_BITS
        one, other = one[agrees], other[agrees]
    rows = [np.searchsorted(starts, place, side="right") - 1 for place in (one, other)]
    return np.unique(np.minimum(*rows) * count + np.maximum(*rows))


def _errors(
    words: Words, starts: Places, one: Places, other: Places, offsets: Places
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Bits that differ, and bits compared, at ``offsets`` from the frames of each pair."""
    # First and last word of the recordings that each pair lies in: offsets must not leave them.
    bounds = [
        (starts[row], starts[row + 1] - 1)
        for row in (np.searchsorted(starts, place, side="right") - 1 for place in (one, other))
    ]
    wrong, bits = np.zeros(len(one), np.int64), np.zeros(len(one), np.int64)
    for offset in offsets:
        inside = np.ones(len(one), bool)
        met = []
        for place, (low, high) in zip((one, other), bounds, strict=True):
            moved = place + offset
            inside &= (moved >= low) & (moved <= high)
            met.append(words[np.clip(moved, low, high)])
        # Frames beyond an end, or in which nothing is heard, count for neither side.
        inside &= (met[0] != 0) & (met[1] != 0)
        wrong += np.where(inside, np.bitwise_count(met[0] ^ met[1]), 0)
        bits += 32 * inside
    return wrong, bits
