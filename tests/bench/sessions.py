"""A whole session, and what an event costs on the disk."""

from tests.bench.corpus import Corpus
from tests.bench.measure import CPU, Row, in_turn, rates, row


def running(corpus: Corpus, name: str) -> Row:
    """A session on disk, with the syncs of journal, anchor and venue, against one in memory."""
    rounds = (corpus.size.rounds + 1) // 2
    taken = in_turn(
        lambda: corpus.run_session(f"sqlite:///{corpus.new_path()}"),
        lambda: corpus.run_session("memory://"),
        rounds=rounds,
        warm_up=0,
        clock=CPU,
    )
    return rates(name, taken, each=corpus.orders, unit="order events a CPU-second")


def bytes_per_event(corpus: Corpus, name: str) -> Row:
    """The closed journal's file, against the events' canonical bytes alone."""
    events = len(corpus.records)
    payload = sum(len(record.payload) for record in corpus.records)
    return row(name, corpus.path.stat().st_size / events, payload / events, "bytes an event")
