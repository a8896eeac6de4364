"""The drill: what it deals, that one seed tells the same twice, and that it finds what is broken."""
