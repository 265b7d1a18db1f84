"""Probing: what a model's embeddings hold, and on which side of a pair retrieval loses."""
