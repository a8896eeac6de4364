"""A user's strategy against the fault venue, its runner killed and started again, from one seed."""
