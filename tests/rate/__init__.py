"""The rate budget: its rules, its stores, and what the broker sees of several processes."""
