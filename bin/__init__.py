"""The processes: the command line, and the short scripts that start it."""
