"""Files of a finished build: shards, Parquet, Croissant, data card, attribution."""
