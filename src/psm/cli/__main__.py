"""``python -m psm.cli``."""

from psm.cli import main

main()
