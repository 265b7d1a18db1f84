"""The public surface of evaluation: every exported name is there and says what it takes."""

from __future__ import annotations

from inspect import getdoc, isfunction, signature

import pytest

from psm import evaluation


@pytest.mark.parametrize("name", evaluation.__all__)
def test_every_exported_name_is_there_and_says_what_it_takes(name: str) -> None:
    exported = getattr(evaluation, name)
    words = getdoc(exported) or ""
    if isfunction(exported):
        said = words.partition("Args:")[2]
        assert all(parameter in said for parameter in signature(exported).parameters)
    else:
        assert "Attributes:" in words


def test_nothing_else_is_exported() -> None:
    with pytest.raises(AttributeError, match="no attribute 'everything'"):
        evaluation.everything  # noqa: B018
