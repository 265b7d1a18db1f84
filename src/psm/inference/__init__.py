"""Inference: many items, or a whole split, encoded with a trained model."""
