"""The whole runner against the fault venue: real processes, real sockets, real files."""
