"""Recordings and their tiles: schema, audio features, views, shards, splits, and their audit."""
