"""Tests of the projections: what each row says, the laws of a fold, and the store."""
