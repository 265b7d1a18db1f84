"""Tokens for the assets of a STAC catalogue, asked of a service and put into their URLs."""

from __future__ import annotations

import math
import threading
import time

from psm.errors import ConfigError
from psm.extras import require

_TOKEN_KEPT_S = 1500.0
_SIGNERS = {
    "planetary-computer": "https://planetarycomputer.microsoft.com/api/sas/v1/token/{collection}"
}


class AssetToken:
    """Adds a token to the URLs of assets; asks for a new one when it grows old."""

    def __init__(self, url: str) -> None:
        self._url, self._token, self._since = url, "", -math.inf
        self._lock = threading.Lock()

    def __call__(self, href: str) -> str:
        with self._lock:
            if time.monotonic() - self._since > _TOKEN_KEPT_S:
                answer = require("httpx", "maps").get(self._url, timeout=30.0)
                answer.raise_for_status()
                self._token, self._since = str(answer.json()["token"]), time.monotonic()
        return f"{href}{'&' if '?' in href else '?'}{self._token}"

    def __reduce__(self) -> tuple[type[AssetToken], tuple[str]]:
        return AssetToken, (self._url,)


def token_service(sign: str, collection: str) -> str:
    url = _SIGNERS.get(sign, sign)
    if "://" not in url:
        raise ConfigError(f"sign {sign!r}: give planetary-computer or the URL of a token service")
    return url.replace("{collection}", collection)
