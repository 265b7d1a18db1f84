"""The simulated Earth: real imagery, hidden layers, and sounds whose true distribution is known."""
