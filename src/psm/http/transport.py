"""HTTP transport that signs requests with a credential, and what keeps credentials out of logs."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from urllib.parse import quote

import httpx


@dataclass(frozen=True)
class Signature:
    """Placement of a secret in a request: after a scheme in the header, or as a parameter."""

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


class SigningTransport(httpx.BaseTransport):
    """Puts the credential on requests to its server, after redirects too.

    The client above never holds the credential: so its log, its errors and its redirects to
    other servers cannot tell it.

    Args:
        inner: what sends.
        base_url: only what lies below it gets the signature.
        signature: of the user.
    """

    def __init__(self, inner: httpx.BaseTransport, *, base_url: str, signature: Signature) -> None:
        self._inner, self._base_url, self._signature = inner, base_url, signature

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Sign and send."""
        if not str(request.url).startswith(self._base_url):
            return self._inner.handle_request(request)
        response = self._inner.handle_request(self._signature.on(request))
        self._signature.off(response)
        return response

    def close(self) -> None:
        """Close the connections."""
        self._inner.close()


def keep_addresses_out_of_logs() -> None:
    """httpx writes every URL, keys and all, to its log: let it not."""
    for name in ("httpx", "httpcore"):
        logger = logging.getLogger(name)
        logger.setLevel(max(logger.level, logging.WARNING))


def keep_out_of_logs(secret: str) -> None:
    """Whatever is asked of the logs of httpx and httpcore, they do not tell this.

    Servers may send it back, as in the address of a redirect.
    """
    for name in list(logging.root.manager.loggerDict):
        if name.partition(".")[0] in ("httpx", "httpcore"):
            logging.getLogger(name).addFilter(_Discretion(secret))


class _Discretion(logging.Filter):
    def __init__(self, secret: str) -> None:
        super().__init__()
        self._forms = {secret, quote(secret, safe="")}

    def filter(self, record: logging.LogRecord) -> bool:
        if any(form in record.getMessage() for form in self._forms):
            record.msg, record.args = "(kept back: it holds a credential)", ()
        return True
