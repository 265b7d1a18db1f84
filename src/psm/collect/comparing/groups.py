"""Things that belong together because one knows another who knows a third."""

from __future__ import annotations

from collections.abc import Iterator


class Groups:
    """``count`` things, joined two by two (union-find). Groups do not depend on the order."""

    def __init__(self, count: int) -> None:
        self._parent = list(range(count))

    def __iter__(self) -> Iterator[list[int]]:
        """All groups, members in order, groups by their first member."""
        members: dict[int, list[int]] = {}
        for number in range(len(self._parent)):
            members.setdefault(self._root(number), []).append(number)
        return iter(members.values())

    def join(self, one: int, other: int) -> None:
        """Make one group of the groups of two things."""
        first, second = sorted((self._root(one), self._root(other)))
        self._parent[second] = first

    def are_joined(self, one: int, other: int) -> bool:
        """Whether two things are in one group."""
        return self._root(one) == self._root(other)

    def _root(self, number: int) -> int:
        while self._parent[number] != number:
            self._parent[number] = self._parent[self._parent[number]]
            number = self._parent[number]
        return number
