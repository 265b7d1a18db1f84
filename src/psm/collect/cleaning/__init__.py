"""What an archive says of a recording, believed as far as it can be."""

from psm.collect.cleaning.clean import Cleaned, Strictness, clean

__all__ = ["Cleaned", "Strictness", "clean"]
