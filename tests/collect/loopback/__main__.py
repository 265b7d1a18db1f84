"""The archives as a process."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from psm.files import atomic_path
from tests.collect.loopback.server import SECRETS, Archives


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.collect.loopback")
    parser.add_argument("--recordings", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--requests-per-s", type=float, default=50.0, help="of each archive")
    parser.add_argument("--folder", type=Path, required=True, help="for tables and local files")
    parser.add_argument("--port-file", type=Path, required=True, help="says how to reach it")
    said = parser.parse_args()
    server = Archives(
        said.recordings, said.seed, requests_per_s=said.requests_per_s, port=said.port
    )
    note = {"url": server.url, "options": server.options(said.folder), "environment": SECRETS}
    with atomic_path(said.port_file) as path:
        path.write_text(json.dumps(note, indent=2))
    server.serve_forever()


main()
