"""Licences in all the ways that archives write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psm.collect.cleaning import licences
from psm.collect.cleaning.licences import (
    UNKNOWN,
    family,
    licence_of,
)


@pytest.mark.parametrize(
    ("text", "source", "expected"),
    [
        ("https://creativecommons.org/licenses/by-nc/4.0/", "", "CC-BY-NC-4.0"),
        ("http://creativecommons.org/licenses/by/3.0/", "freesound", "CC-BY-3.0"),
        ("//creativecommons.org/licenses/by-nc-sa/4.0/", "xenocanto", "CC-BY-NC-SA-4.0"),
        ("http://creativecommons.org/licenses/by-nc-nd/2.5/legalcode", "", "CC-BY-NC-ND-2.5"),
        ("https://creativecommons.org/licenses/by-sa/2.0/de/deed.en", "", "CC-BY-SA-2.0-DE"),
        ("https://creativecommons.org/licenses/by/3.0/igo/", "", "CC-BY-3.0-IGO"),
        ("https://creativecommons.org/licenses/by-sa/4.0/deed.de", "", "CC-BY-SA-4.0"),
        ("http://creativecommons.org/publicdomain/zero/1.0/", "freesound", "CC0-1.0"),
        ("http://creativecommons.org/publicdomain/mark/1.0/", "aporee", "CC-PDM-1.0"),
        ("http://creativecommons.org/licenses/publicdomain/", "aporee", "CC-PDDC"),
        ("http://creativecommons.org/licenses/sampling+/1.0/", "freesound", "CC-Sampling-Plus-1.0"),
        ("cc-by-nc", "inaturalist", "CC-BY-NC-4.0"),
        ("cc0", "inaturalist", "CC0-1.0"),
        ("CC-BY", "", "CC-BY"),
        ("CC BY 4.0", "", "CC-BY-4.0"),
        ("cc_by_nc_sa", "inaturalist", "CC-BY-NC-SA-4.0"),
        ("BY-NC-SA 3.0", "", "CC-BY-NC-SA-3.0"),
        ("CC BY-SA-NC 3.0", "", "CC-BY-NC-SA-3.0"),
        ("Attribution-NonCommercial-ShareAlike License", "yfcc", "CC-BY-NC-SA-2.0"),
        ("Attribution-NoDerivs License", "yfcc", "CC-BY-ND-2.0"),
        ("Attribution License", "yfcc", "CC-BY-2.0"),
        ("Attribution Noncommercial", "freesound", "CC-BY-NC"),
        ("Creative Commons 0", "freesound", "CC0-1.0"),
        ("Creative Commons Attribution 4.0 International", "", "CC-BY-4.0"),
        ("Creative Commons Attribution Non-Commercial No Derivatives 3.0", "", "CC-BY-NC-ND-3.0"),
        ("Sampling+", "freesound", "CC-Sampling-Plus-1.0"),
        ("4", "yfcc", "CC-BY-2.0"),
        ("1", "yfcc", "CC-BY-NC-SA-2.0"),
        ("0", "yfcc", "LicenseRef-All-Rights-Reserved"),
        ("9", "yfcc", "CC0-1.0"),
        ("99", "yfcc", UNKNOWN),
        ("Public Domain Mark 1.0", "", "CC-PDM-1.0"),
        ("Public Domain", "", "CC-PDM-1.0"),
        ("No known copyright restrictions", "yfcc", "LicenseRef-No-Known-Copyright"),
        ("United States Government Work", "yfcc", "LicenseRef-US-Government-Work"),
        ("Pixabay Content License", "", "LicenseRef-Pixabay"),
        ("https://pixabay.com/service/license-summary/", "", "LicenseRef-Pixabay"),
        ("All Rights Reserved", "", "LicenseRef-All-Rights-Reserved"),
        ("© Jane Doe", "", "LicenseRef-All-Rights-Reserved"),
        ("© Jane Doe, some rights reserved (CC BY-NC 4.0)", "", "CC-BY-NC-4.0"),
        ("Creative Commons", "", UNKNOWN),
        ("by the sea", "", UNKNOWN),
        ("", "inaturalist", UNKNOWN),
        ("ask me", "", UNKNOWN),
        ("https://creativecommons.org/licenses/devnations/2.0/", "", UNKNOWN),
    ],
)
def test_a_licence_has_one_name(text: str, source: str, expected: str) -> None:
    assert licence_of(text, source=source) == expected
    assert licence_of(f"  {text.upper()}\n", source=source) == expected


def test_a_family_has_no_version() -> None:
    assert family("CC-BY-NC-4.0") == family("CC-BY-NC-2.0-DE") == family("CC-BY-NC") == "CC-BY-NC"
    assert family("CC0-1.0") == "CC0"
    assert family(licences.PIXABAY) == licences.PIXABAY


@given(st.text(max_size=80))
def test_any_text_has_an_answer_that_does_not_change(text: str) -> None:
    found = licence_of(text)
    assert found
    if found.startswith("CC"):
        assert licence_of(found) == found
