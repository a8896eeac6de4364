"""Golden encrypted journals: never changed again, and opened by every release that comes."""
