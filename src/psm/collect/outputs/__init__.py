"""What a finished build is written as: shards, Parquet, Croissant, a data card, attribution."""
