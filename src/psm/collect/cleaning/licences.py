"""Licence names: SPDX identifiers out of what archives write."""

from __future__ import annotations

import re

UNKNOWN = "unknown"
ALL_RIGHTS_RESERVED = "LicenseRef-All-Rights-Reserved"
PIXABAY = "LicenseRef-Pixabay"
NO_KNOWN_COPYRIGHT = "LicenseRef-No-Known-Copyright"
US_GOVERNMENT = "LicenseRef-US-Government-Work"
CC0, PUBLIC_DOMAIN, PUBLIC_DOMAIN_DEDICATION = "CC0-1.0", "CC-PDM-1.0", "CC-PDDC"
SAMPLING_PLUS = "CC-Sampling-Plus-1.0"

SPDX = frozenset(
    {UNKNOWN, ALL_RIGHTS_RESERVED, PIXABAY, NO_KNOWN_COPYRIGHT, US_GOVERNMENT, CC0, PUBLIC_DOMAIN,
     PUBLIC_DOMAIN_DEDICATION, SAMPLING_PLUS, "CC0", "CC-PDM", "CC-Sampling-Plus"}
)  # fmt: skip
"""Names that recordings may have, and their families, beside those of Creative Commons."""

# Flickr's numbers, which YFCC100M has too.
_FLICKR = (
    ALL_RIGHTS_RESERVED,
    *(f"CC-{kind}-2.0" for kind in ("BY-NC-SA", "BY-NC", "BY-NC-ND", "BY", "BY-SA", "BY-ND")),
    NO_KNOWN_COPYRIGHT,
    US_GOVERNMENT,
    CC0,
    PUBLIC_DOMAIN,
)
# The version that an archive means where it writes none.
_VERSIONS = {"inaturalist": "4.0", "inat": "4.0", "yfcc": "2.0"}
_ADDRESS = re.compile(
    r"creativecommons\.org/licen[sc]es/(?P<kind>[a-z+-]+)"
    r"(?:/(?P<version>\d\.\d))?(?:/(?P<port>[a-z]{2}|igo|scotland))?(?:[/?#]|$)"
)
_VERSION = re.compile(r"\b(\d\.\d)\b")
_OTHERS = (
    (r"publicdomain/zero|\bcc[- ]?0\b|\bcc[- ]?zero\b|creative commons (?:0|zero)\b", CC0),
    (r"publicdomain/mark|\bpublic domain mark\b|\bcc-?pdm\b|\bpdm\b", PUBLIC_DOMAIN),
    (r"no known copyright", NO_KNOWN_COPYRIGHT),
    (r"(?:united states|u\.?s\.?) government work|usa\.gov/copyright", US_GOVERNMENT),
    (r"licen[sc]es/publicdomain|public domain dedication|\bcc-?pddc\b", PUBLIC_DOMAIN_DEDICATION),
    (r"\bsampling\s*(?:\+|plus)", SAMPLING_PLUS),
    (r"pixabay", PIXABAY),
    (r"all rights reserved|\bcopyright(?:ed)?\b|©", ALL_RIGHTS_RESERVED),
    (r"\bpublic domain\b", PUBLIC_DOMAIN),
)
_WORDS = (
    ("NC", r"\bnc\b|non-?\s?commercial"),
    ("ND", r"\bnd\b|no-?\s?deriv"),
    ("SA", r"\bsa\b|share-?\s?alike"),
)
_CREATIVE_COMMONS = re.compile(
    r"\bcc\b|creative\s?commons|\battribution\b|\bby(?:-(?:nc|nd|sa))+\b"
)
_BY = re.compile(r"\bby\b|\battribution\b")
_FAMILY = re.compile(r"(CC-BY(?:-NC)?(?:-SA|-ND)?|CC0|CC-PDM|CC-Sampling-Plus)(?:-\d\.\d.*)?")
_KINDS = frozenset({"BY", "BY-SA", "BY-ND", "BY-NC", "BY-NC-SA", "BY-NC-ND"})


def licence_of(text: str, *, source: str = "") -> str:
    """The licence that an archive writes, as SPDX names it with its version: ``CC-BY-NC-4.0``.

    Args:
        text: a name, an address, an archive's code or number.
        source: name of the archive: some mean one version and do not write it.

    Returns:
        What SPDX has no name for as ``LicenseRef-...``; a Creative Commons licence whose version
        nobody says without one, ``CC-BY``; :data:`UNKNOWN` for anything else.
    """
    plain = " ".join(text.replace("_", "-").lower().split())
    if plain.isdigit():
        return _FLICKR[int(plain)] if int(plain) < len(_FLICKR) else UNKNOWN
    if address := _ADDRESS.search(plain):
        kind = _kind(address["kind"])
        if kind is not None:
            port = f"-{address['port'].upper()}" if address["port"] else ""
            version = address["version"]
            return f"CC-{kind}-{version}{port}" if version else f"CC-{kind}"
    for pattern, name in _OTHERS:
        if re.search(pattern, plain) and not (name == ALL_RIGHTS_RESERVED and _is_free(plain)):
            return name
    if not _is_free(plain):
        return UNKNOWN
    kind = _kind(plain)
    if kind is None:
        return UNKNOWN
    written = _VERSION.search(plain)
    version = written[1] if written else _VERSIONS.get(source, "")
    return f"CC-{kind}-{version}" if version else f"CC-{kind}"


def family(licence: str) -> str:
    """A licence without its version: ``CC-BY-NC`` of ``CC-BY-NC-4.0``."""
    match = _FAMILY.fullmatch(licence)
    return match[1] if match else licence


def _is_free(plain: str) -> bool:
    return _CREATIVE_COMMONS.search(plain) is not None


def _kind(plain: str) -> str | None:
    """``BY-NC-SA`` in whatever order and words, or ``None`` if the author need not be named."""
    spaced = plain.replace("-", " ")
    if not _BY.search(spaced):
        return None
    found = [name for name, pattern in _WORDS if re.search(pattern, spaced)]
    order = ("NC", "SA", "ND")
    kind = "-".join(["BY", *(name for name in order if name in found)])
    return kind if kind in _KINDS else None
