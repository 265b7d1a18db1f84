"""Other people's protocols: Sat2Sound's retrieval and captions, and tasks of MTEB."""
