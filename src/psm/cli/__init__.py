"""The ``psm`` command: parses, calls, prints."""

from psm.cli.app import main

__all__ = ["main"]
