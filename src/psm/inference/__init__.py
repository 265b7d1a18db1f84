"""The one way to encode many items with a trained model, and a split as a whole."""
