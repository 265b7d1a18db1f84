"""The last step of a request: the turn is awaited, and the credential goes on."""

from __future__ import annotations

from dataclasses import dataclass, field

import httpx

from psm.collect.web.pace import Pace


@dataclass(frozen=True)
class Signature:
    """How a secret goes with a request: after a scheme in the header, or as a parameter."""

    secret: str = field(repr=False)
    scheme: str = ""
    parameter: str = ""

    def on(self, request: httpx.Request) -> httpx.Request:
        """The request with the secret on it."""
        url, headers = request.url, request.headers.copy()
        if self.parameter:
            url = url.copy_set_param(self.parameter, self.secret)
        else:
            headers["Authorization"] = f"{self.scheme} {self.secret}"
        return httpx.Request(
            request.method,
            url,
            headers=headers,
            stream=request.stream,
            extensions=request.extensions,
        )

    def off(self, response: httpx.Response) -> None:
        """Take the secret out of where the server sends us."""
        if self.parameter and (to := response.headers.get("Location")):
            response.headers["Location"] = str(httpx.URL(to).copy_remove_param(self.parameter))


class PoliteTransport(httpx.BaseTransport):
    """Sends every request, those after redirects too, in its turn.

    The client above never holds the credential: so its log, its errors and its redirects to
    other servers cannot tell it.

    Args:
        inner: what sends.
        pace: of the archive.
        base_url: only what lies below it gets the signature, and counts as one of the day.
        signature: of the user.
    """

    def __init__(
        self,
        inner: httpx.BaseTransport,
        *,
        pace: Pace,
        base_url: str,
        signature: Signature | None,
    ) -> None:
        self._inner, self._pace = inner, pace
        self._base_url, self._signature = base_url, signature

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Wait, sign, send."""
        is_own = str(request.url).startswith(self._base_url)
        self._pace.wait(counts=is_own)
        if self._signature is None or not is_own:
            return self._inner.handle_request(request)
        response = self._inner.handle_request(self._signature.on(request))
        self._signature.off(response)
        return response

    def close(self) -> None:
        """Close the connections."""
        self._inner.close()
