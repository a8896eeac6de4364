"""A journal as lines of JSON, one an event, the event's canonical bytes verbatim.

shape   {"sequence":1,"id":…,"type":…,"recorded_at":…,"epoch":0,"chain":…,"event":{…}}
        `event` is always last and is the canonical JSON: sha256 of exactly those bytes is `id`,
        so a reader needs `sha256sum` and nothing of ours
sealed  {…,"chain":…,"format":2,"flags":1,"stored":"base64 of the payload as stored"} and no id:
        what anybody can have of an encrypted journal without its key, and check the chain over
"""

from base64 import b64encode
from typing import BinaryIO

from core.values import time_text
from journal.journal import Journal
from journal.recorded import Recorded


def jsonl_line(recorded: Recorded) -> bytes:
    """One event's line, its newline included."""
    envelope = (
        f'{{"sequence":{recorded.sequence},"id":"{recorded.event_id}","type":"{recorded.tag}",'
        f'"recorded_at":"{time_text(recorded.recorded_at)}","epoch":{recorded.epoch},'
        f'"chain":"{recorded.chain}","event":'
    )
    return envelope.encode("ascii") + recorded.payload + b"}\n"


def export_jsonl(journal: Journal, out: BinaryIO, after: int = 0) -> int:
    """Write the events behind `after` to `out`; how many there were."""
    count = 0
    for recorded in journal.read(after):
        out.write(jsonl_line(recorded))
        count += 1
    return count


def export_sealed(journal: Journal, out: BinaryIO, after: int = 0) -> int:
    """Write the events behind `after` as they are stored, opening none; how many there were."""
    count = 0
    for recorded in journal.read(after):
        if recorded.opened:
            message = f"expected a journal that was left sealed, found {journal.url} opened"
            raise ValueError(message)
        line = (
            f'{{"sequence":{recorded.sequence},"type":"{recorded.tag}",'
            f'"recorded_at":"{time_text(recorded.recorded_at)}","epoch":{recorded.epoch},'
            f'"chain":"{recorded.chain}","format":{recorded.format},"flags":{recorded.flags},'
            f'"stored":"{b64encode(recorded.payload).decode("ascii")}"}}\n'
        )
        out.write(line.encode("ascii"))
        count += 1
    return count
