"""Proofs over a journal, read only: parity, the matrix, differences, explanations."""
