"""placeholder"""
from typing import Any
SOURCES: dict[str, Any] = {}
def open_source(name: str, settings: Any) -> Any:
    raise NotImplementedError
