"""The simulated Earth: real imagery, hidden layers, and sounds whose true distribution is known."""

MANIFEST_NAME = "earth.json"
"""File that marks a folder of shards as a simulated Earth, and says how it was built."""
