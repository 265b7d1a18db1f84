"""Audio and text towers of Sat2Sound, which give tokens."""
