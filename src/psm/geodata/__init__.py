"""Geodata of the real world: coasts, land, towns, sun, rasters, and the user's cache folder."""
