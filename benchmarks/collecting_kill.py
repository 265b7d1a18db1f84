"""A build from six archives, killed at random moments, beside one that is left alone.

python benchmarks/collecting_kill.py [--recordings 1000] [--kills 20] [--seed 0]

The archives are one server on this machine that speaks as all of them do, with what goes wrong
there. Both builds must end with the same files to the byte and the same rows, without a request
past a rate limit, and without a credential in any file or message.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import fields
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.collect.kill import trial


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--recordings", type=int, default=1000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--requests-per-s", type=float, default=50.0, help="of each archive")
    said = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = trial(Path(folder), **vars(said))
    for field in fields(figures):
        print(f"{field.name:>14}  {getattr(figures, field.name)}")
    sys.exit(0 if figures.is_well else 1)


if __name__ == "__main__":
    main()
