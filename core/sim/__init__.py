"""The simulated market and the simulated venue: functions of a seed and their input."""
