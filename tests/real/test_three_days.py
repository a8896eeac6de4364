"""Three recorded days of real quotes against a venue of today, as fast as both can."""

import gzip
import json
from decimal import Decimal
from pathlib import Path

import pytest

from tests.real.test_kills import assert_same_orders
from tests.real.world import QUOTE, drill

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "market"


@pytest.mark.slow
def test_three_recorded_days_end_with_the_venues_orders_and_replay(tmp_path: Path) -> None:
    days = sorted(DATA.glob("us-equities-*-1min.csv.gz"))
    if not days:
        pytest.skip(f"NO DATA: the drill on recorded days needs {DATA}")
    with gzip.open(days[0], "rt", encoding="utf-8") as file:
        header = next(file).strip().split(",")
        first = [dict(zip(header, line.strip().split(","), strict=True)) for line in _head(file)]
    quotes = {row["symbol"]: row for row in first}
    symbols = tuple(sorted(quotes))[:2]
    with drill(tmp_path / "run", "--cash", "100000000", symbols=symbols) as here:
        names = ("bid", "ask")
        for symbol in symbols:
            asked = {**QUOTE, **{name: str(Decimal(quotes[symbol][name])) for name in names}}
            here.venue.post("quotes", {symbol: asked})
        target = {"target": f"{here.folder}/flip.py:Flip"}
        here.configure(market=f"csv:{DATA}/us-equities-*-1min.csv.gz", strategy=target)
        process = here.started("run", "--config", "c.toml", "--json")
        out, err = process.communicate(timeout=1200)
        assert process.returncode == 0, err[-2000:]
        document = json.loads(out)
        assert (document["cycles"], document["unknown"]) == (1170, 0), document
        assert document["submitted"] >= 2, document
        here.assert_sound()
        assert_same_orders(here)


def _head(lines: object) -> list[str]:
    """The first minutes of a file."""
    return [line for line, _ in zip(lines, range(200), strict=False)]  # type: ignore[call-overload]
