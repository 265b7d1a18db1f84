"""Worlds beside ours, drawn by their name, whose truth is known too."""

from psm.earth.worlds.drawing import world_named, world_of
from psm.earth.worlds.world import OUR_EARTH, Difference, World

__all__ = ["OUR_EARTH", "Difference", "World", "world_named", "world_of"]
