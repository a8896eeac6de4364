"""The drill: what it deals, the same told twice of one seed, and that it finds what is broken."""
