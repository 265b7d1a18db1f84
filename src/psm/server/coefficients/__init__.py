"""What a page draws maps from itself: coefficients of a store, and questions in numbers."""
