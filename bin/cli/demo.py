"""`run` without arguments: a simulated half day, killed by SIGKILL and resumed, then proved.

The market has a stale quote and a crossed one; the venue refuses an order, fills one in part, and
loses an answer after it accepted. The runner is a process of its own and kills itself at a fixed
commit; it is started again and goes on. The head is the same on every machine.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

from bin.cli.exits import Exit
from bin.cli.output import complain, print_json, print_lines
from core.events import FillReported, IntentCreated, OrderSubmitUnknown
from journal import Journal

ROOT = Path(__file__).resolve().parent.parent.parent
CONFIG = ROOT / "live" / "demo.toml"
KILL_AFTER_COMMITS = 260
FOLDER = Path("var")


def demonstrate(*, as_json: bool) -> int:
    """Run, be killed, go on, verify, replay; exit status 1 if any of it is not as it should be."""
    from bin.cli.problems import CannotRunError

    url = f"sqlite:///{_new_journal()}"
    killed = _runner(url, "--kill-after-commits", str(KILL_AFTER_COMMITS))
    if killed.returncode != -signal.SIGKILL:
        message = f"demonstration: expected the runner to be killed, found: {killed.stderr[-300:]}"
        raise CannotRunError(message)
    head_at_kill = _command("verify", url)["head"]
    resumed = _runner(url)
    if resumed.returncode != 0:
        message = f"demonstration: the second start failed: {resumed.stderr[-300:]}"
        raise CannotRunError(message)
    document = json.loads(resumed.stdout)
    document["killed_at"] = head_at_kill
    document["verify"] = _command("verify", url)
    document["replay"] = _command("replay", url)
    document["shown"] = _shown(url)
    if as_json:
        print_json(document)
    else:
        print_lines(_lines(document))
    if not document["verify"]["ok"] or document["replay"]["parity"] is not True:
        complain("the journal does not prove itself; see verify and replay")
        return Exit.CHECK_FAILED
    return Exit.GOOD


def _new_journal() -> Path:
    """The first var/demo-N.db that is not there yet."""
    number = 1
    while (path := FOLDER / f"demo-{number:04d}.db").exists():
        number += 1
    return path


def _runner(url: str, *more: str) -> subprocess.CompletedProcess[str]:
    """The runner as a process of its own, its log beside the journal."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    log = Path(f"{url.removeprefix('sqlite:///')}.log")
    command = [sys.executable, "-m", "bin.cli", "run", "--config", str(CONFIG)]
    command += ["--journal", url, "--json", *more]
    with log.open("a+", encoding="utf-8") as stream:
        start = stream.tell()
        done = subprocess.run(
            command,
            stdout=subprocess.PIPE,
            stderr=stream,
            text=True,
            check=False,
            env=_environment(),
        )
        stream.seek(start)
        done.stderr = stream.read()
    return done


def _command(*words: str) -> dict[str, object]:
    """The JSON of one of our own commands."""
    done = subprocess.run(
        [sys.executable, "-m", "bin.cli", *words, "--json"],
        capture_output=True,
        text=True,
        check=False,
        env=_environment(),
    )
    document: dict[str, object] = json.loads(done.stdout)
    return document


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("REFOLD_")}


def _shown(url: str) -> dict[str, object]:
    """What the day held: statuses of orders, partial fills, lost answers, and the shortfall."""
    from bin.cli.views import view_of
    from journal import open_journal
    from projections.registry import named

    with contextlib.closing(open_journal(url, read_only=True)) as journal:
        orders, _ = view_of(journal, named("orders"), None)
        costs, _ = view_of(journal, named("tca"), None)
        told = _told(journal)
    bps = sorted(float(str(row["total_bps"])) for row in costs if row["filled_quantity"] != "0")
    return {
        **told,
        "statuses": dict(sorted(Counter(str(row["status"]) for row in orders).items())),
        "sent_again_under_the_same_id": sum(int(str(row["attempts"])) > 1 for row in orders),
        "shortfall_bps": {
            "n": len(bps),
            "mean": round(sum(bps) / len(bps), 1) if bps else None,
            "median": round(bps[len(bps) // 2], 1) if bps else None,
        },
    }


def _told(journal: Journal) -> dict[str, object]:
    """What the events tell that no projection of orders shows."""
    quantities: dict[str, str] = {}
    partial: set[str] = set()
    lost = 0
    for record in journal.read():
        event = record.event
        if isinstance(event, IntentCreated):
            quantities[event.client_order_id] = event.quantity
        elif isinstance(event, OrderSubmitUnknown):
            lost += 1
        elif isinstance(event, FillReported) and event.quantity != quantities.get(
            event.client_order_id
        ):
            partial.add(event.client_order_id)
    return {"answers_lost": lost, "partially_filled": len(partial)}


def _lines(document: dict[str, object]) -> list[str]:
    d = document
    skipped, shown = _table(d["skipped"]), _table(d["shown"])
    killed, head, replay = _table(d["killed_at"]), _table(d["head"]), _table(d["replay"])
    shortfall, verify = _table(shown["shortfall_bps"]), _table(d["verify"])
    reasons = "  ".join(f"{code} {count}" for code, count in skipped.items())
    statuses = "  ".join(f"{s} {count}" for s, count in _table(shown["statuses"]).items())
    total = sum(int(str(count)) for count in skipped.values())
    return [
        f"sim  seed {d['seed']}  journal {d['journal']}  config {str(d['config_hash'])[:12]}",
        f"cycles {d['cycles']}  universe {d['universe']}  intents {d['intents']}  submitted "
        f"{d['submitted']}  failed {d['failed']}  fills {d['fills']}  open {d['open']}",
        f"orders  {statuses}",
        f"skips {total}  {reasons}",
        f"answers lost {shown['answers_lost']}, all looked up; sent again under the same id "
        f"{shown['sent_again_under_the_same_id']}; unknown now {d['unknown']}; "
        f"filled in parts {shown['partially_filled']}",
        f"killed by SIGKILL at sequence {killed['sequence']}, started again, gone on",
        f"shortfall  n {shortfall['n']}  mean {shortfall['mean']} bps  median "
        f"{shortfall['median']} bps  (positive = cost)",
        f"verify  {'good' if verify['ok'] else 'NOT GOOD'}  {verify['events']} events",
        f"replay  {'parity' if replay['parity'] else 'NO PARITY'}  {replay['decisions']} decisions",
        f"head  {head['sequence']} {head['chain']}",
        f"next  bin/refold explain AAPL --cycle 40 --journal {d['journal']}",
    ]


def _table(value: object) -> dict[str, object]:
    assert isinstance(value, dict)
    return value
