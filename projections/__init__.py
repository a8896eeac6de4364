"""Projections: folds of the journal kept in tables, each one a file, all of them disposable."""
