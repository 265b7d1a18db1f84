"""HTTP as archives and map services want to be asked: politely, and whatever breaks."""

from psm.http.client import Client, Credential
from psm.http.failures import RequestFailed, TooManyRequests, is_temporary, retry_after
from psm.http.ratelimit import Limiter, RateLimiter, RateLimits, StoredRateLimiter

__all__ = [
    "Client",
    "Credential",
    "Limiter",
    "RateLimiter",
    "RateLimits",
    "RequestFailed",
    "StoredRateLimiter",
    "TooManyRequests",
    "is_temporary",
    "retry_after",
]
