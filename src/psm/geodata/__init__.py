"""The real world, read once: coasts, land, towns, sun, rasters, and the user's cache folder."""
