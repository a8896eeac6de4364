"""Alpaca behind the `Broker` protocol: REST on alpaca-py, hardened, and a trade stream of our own.

    settings   endpoints and limits       transport  one call's deadline, and what left of it
    ready      connections made before they are needed
    sdk        alpaca-py, imported late   client     a request and its answer (answer)
    reading    JSON nobody can trust      records    orders, fills, accounts read from it
    errors     what an answer means       barrier    refused keys
    orders     submit, cancel, look up    reconcile  what differs
    identity   whose account it is
    stream     the socket, in a thread    updates    its messages        inbox  what waits

rule    nothing here raises on what the other side says; it becomes an observation or is named
source  ALPACA.md A1 to A4, FAULTS.md 3C
"""
