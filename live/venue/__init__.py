"""An Alpaca-shaped server on loopback, a process of its own, that misbehaves by seed.

shape   `engine` is the fault venue (orders, matching, money), deterministic given seed, times,
        quotes and requests; `store` its file; `rest`, `data`, `stream` its three faces in
        Alpaca's shapes; `faults` what goes wrong and how often it did; `server` the bytes;
        `admin` the tester's side
start   python -m live.venue --port 0 --file venue.db --seed 7 --faults all=0.02
"""
