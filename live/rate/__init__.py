"""The rate budget: how many calls an account may make, counted by all its processes together.

budget.py    what callers use: permits, refusals, readings
window.py    the rules, pure: a sliding log that expects the worst of what it does not know
headers.py   what an answer says of rates: X-RateLimit-*, Retry-After
store.py     where the log lies: memory, and what every store keeps to
file.py, redis.py, postgres.py   one machine; several machines
opening.py   from settings and keys to a budget
"""
