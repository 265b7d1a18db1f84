"""Writes openapi.json, the description of the API that the types of the page are made from.

    npm run types    # in web/: this script, then openapi-typescript

Both files are committed, and a test compares them with the API.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from psm.server import openapi_document

PATH = Path(__file__).parent.parent / "openapi.json"
_PROBLEM = {"$ref": "#/components/schemas/ProblemModel"}


def text() -> str:
    """The document as it is written; the schema of errors, alike everywhere, stands in it once."""
    document = openapi_document()
    schemas: dict[str, Any] = document["components"]["schemas"]
    for methods in document["paths"].values():
        for operation in methods.values():
            for response in operation["responses"].values():
                problem = response.get("content", {}).get("application/problem+json")
                if problem is not None:
                    schemas["ProblemModel"] = problem["schema"]
                    problem["schema"] = _PROBLEM
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    PATH.write_text(text(), "utf-8")
