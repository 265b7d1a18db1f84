"""Cleaning: place, time, words and licence of a listed recording, as far as believable."""
