"""Cartography: how any map is drawn, whatever it shows; nothing of sounds is known here."""
