"""Writes openapi.json, the description of the API that the types of the page are made from.

    npm run types    # in web/: this script, then openapi-typescript, then this script with --stamp

Both files are committed, and a test compares the description with the API. The stamp at the end of
the types says of which description they were made, so that they are compared without Node, too.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from psm.files import sha256_of
from psm.server import openapi_document

PATH = Path(__file__).parent.parent / "openapi.json"
TYPES = Path(__file__).parent.parent / "src" / "schema.ts"
_PROBLEM = {"$ref": "#/components/schemas/ProblemModel"}


def text() -> str:
    """The document as it is written; the schema of errors, alike everywhere, stands in it once."""
    document = openapi_document()
    document["info"]["version"] = "v1"  # that of the package would change the file with a release
    schemas: dict[str, Any] = document["components"]["schemas"]
    for methods in document["paths"].values():
        for operation in methods.values():
            for response in operation["responses"].values():
                problem = response.get("content", {}).get("application/problem+json")
                if problem is not None:
                    schemas["ProblemModel"] = problem["schema"]
                    problem["schema"] = _PROBLEM
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def stamp() -> str:
    """The last line of the types: the SHA-256 of the description that they were made from."""
    return f"// of openapi.json with SHA-256 {sha256_of(PATH)}\n"


if __name__ == "__main__":
    if sys.argv[1:] == ["--stamp"]:
        TYPES.write_text(TYPES.read_text("utf-8") + stamp(), "utf-8")
    else:
        PATH.write_text(text(), "utf-8")
