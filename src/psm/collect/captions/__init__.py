"""Captions: the recordist's own words, those of models that listen or look, and which is best."""
