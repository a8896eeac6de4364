"""Exported lines can be checked with sha256 and nothing of ours."""

import hashlib
import json
from io import BytesIO
from pathlib import Path

from journal import open_journal
from journal.export import export_jsonl
from tests.journal.sample import content, make


def test_the_exact_event_text_of_a_line_hashes_to_its_id(tmp_path: Path) -> None:
    head = make(tmp_path / "j.db", 4)
    lines = content(tmp_path / "j.db").splitlines()

    for sequence, line in enumerate(lines, start=1):
        parsed = json.loads(line)
        event = line[line.index(b'"event":') + len(b'"event":') : -1]
        assert hashlib.sha256(event).hexdigest() == parsed["id"]
        assert json.loads(event) == parsed["event"]
        assert (parsed["sequence"], parsed["type"]) == (sequence, parsed["event"]["type"])
        assert parsed["recorded_at"].endswith("Z")
    assert json.loads(lines[-1])["chain"] == head.chain


def test_an_export_can_start_anywhere(tmp_path: Path) -> None:
    make(tmp_path / "j.db", 4)
    out = BytesIO()
    with open_journal(tmp_path / "j.db", read_only=True) as journal:
        assert export_jsonl(journal, out, after=3) == 2
    assert [json.loads(line)["sequence"] for line in out.getvalue().splitlines()] == [4, 5]
