"""The tests: a mirror of the folders they hold to their word, and campaigns across all of them."""
