"""Errors that refuse a recording or pause an archive; the catalogue keeps the reasons."""

from __future__ import annotations

from psm.errors import PSMError


class Refused(PSMError):
    """A recording that cannot be used; the message is alike for those that fail alike.

    Args:
        reason: in words that name no recording, as ``no place``.
        may_pass: asking again later may help.
        detail: about this one recording.
    """

    def __init__(self, reason: str, *, may_pass: bool = False, detail: str = "") -> None:
        super().__init__(reason)
        self.reason, self.may_pass, self.detail = reason, may_pass, detail


class RateLimited(Refused):
    """The archive may not be asked before some time has passed; that says nothing of a recording.

    Args:
        reason: as of :class:`Refused`.
        detail: when it may be asked again.
    """

    def __init__(self, reason: str, *, detail: str = "") -> None:
        super().__init__(reason, may_pass=True, detail=detail)
