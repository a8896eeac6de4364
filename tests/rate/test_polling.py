"""Polling goes down while the stream is healthy."""

from pathlib import Path

from tests.rate.polling import both


def test_a_runner_asks_less_while_its_stream_is_healthy(tmp_path: Path) -> None:
    """By the venue's own log; here every 20 s with a healthy stream, every 1 s with a dead one."""
    healthy, dead = both(
        tmp_path, 6, cycle_s=60, reconcile_every_s="20", reconcile_down_every_s="1"
    )

    assert dead.total() > healthy.total(), (healthy, dead)
    assert dead["GET /v2/positions"] > healthy["GET /v2/positions"]
