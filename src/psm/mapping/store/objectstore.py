"""Errors of object stores in one line: credentials, buckets, servers that stop in the middle."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import fsspec

from psm.errors import PSMError, StoreUnreachable
from psm.http.failures import in_words

_LIBRARIES = ("botocore", "aiobotocore", "s3fs", "gcsfs", "google", "adlfs", "azure", "aiohttp")
_CREDENTIALS = {
    "s3": "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE",
    "gs": "run `gcloud auth application-default login`, or set GOOGLE_APPLICATION_CREDENTIALS",
    "az": "set AZURE_STORAGE_CONNECTION_STRING",
}
_NO_BUCKET = re.compile(r"bucket.*does not exist|NoSuchBucket|no such bucket", re.I)
_AGAIN = "what is done stays, and the same command goes on"


@contextmanager
def reaching(url: str) -> Iterator[None]:
    """Say in one line what an object store answers in this block; folders here pass as they are.

    Raises:
        StoreUnreachable: no credentials or wrong ones, no such bucket, or a server in trouble.
    """
    try:
        yield
    except PSMError:
        raise
    except Exception as problem:
        # Each library has errors of its own, some of them are the system's.
        is_absent = isinstance(problem, FileNotFoundError) and not _NO_BUCKET.search(str(problem))
        if "://" not in url or is_absent or not _is_theirs(problem):
            raise
        raise StoreUnreachable(f"{url}: {_words(problem, url)}") from None


def require_bucket(url: str) -> None:
    """Refuse a store in a bucket that is not there, which else looks like a store not yet made.

    Raises:
        StoreUnreachable: there is no such bucket, or it cannot be asked for.
    """
    with reaching(url):
        system, path = fsspec.core.url_to_fs(url)
        bucket = path.strip("/").partition("/")[0]
        if url.partition("://")[0] in ("s3", "s3a", "gs", "gcs") and not system.exists(bucket):
            raise StoreUnreachable(f"{url}: {_no_bucket(bucket)}")


def _is_theirs(problem: BaseException) -> bool:
    library = type(problem).__module__.partition(".")[0]
    return isinstance(problem, OSError) or library in _LIBRARIES


def _words(problem: BaseException, url: str) -> str:
    kind, told = type(problem).__name__, str(problem)
    scheme, _, rest = url.partition("://")
    how = _CREDENTIALS.get({"s3a": "s3", "gcs": "gs", "abfs": "az"}.get(scheme, scheme), "")
    if "Credentials" in kind or "credentials" in told:
        return f"no credentials; {how}" if how else "no credentials"
    if isinstance(problem, PermissionError) or "Forbidden" in told or "AccessDenied" in told:
        return f"access denied; are the credentials right? {how}".rstrip()
    if isinstance(problem, FileNotFoundError):
        return _no_bucket(rest.partition("/")[0])
    if words := in_words(f"{kind}: {told}"):
        return f"the server does not answer ({words}); {_AGAIN}"
    if "Connect" in kind or "Closed" in kind:
        return f"the server does not answer (cut off); {_AGAIN}"
    answer = getattr(problem, "strerror", None) or next(iter(told.splitlines()), "") or kind
    return f"the server answers {answer[:120]!r}; {_AGAIN}"


def _no_bucket(bucket: str) -> str:
    return f"there is no bucket {bucket!r}; make it, or check its name"
