"""Quantities: numbers with an interval in every cell, served as maps of sounds are."""
