"""Measuring a model: retrieval with its reference rows, and maps against the true probabilities."""
