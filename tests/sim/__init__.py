"""Tests of the simulated market and venue, pure functions of a seed and their input."""
