"""The command line through real processes: its documents, its refusals, its logs."""
