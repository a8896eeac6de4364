"""Campaigns: one session over and over, disturbed in every way there is, compared each time."""
