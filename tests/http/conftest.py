"""A server on the loopback that can misbehave, credentials for it, and no waiting."""

from __future__ import annotations

from tests.collect.conftest import credentials, own_cache, served

__all__ = ["credentials", "own_cache", "served"]
