"""The fault venue, as a real process on loopback, driven by the real alpaca-py."""
