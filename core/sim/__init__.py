"""The simulated market and the simulated venue: pure functions of a seed and what they are given."""
