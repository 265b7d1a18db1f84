"""The published data sets, GeoSound and SoundingEarth: from the hub or as WebDataset shards."""
