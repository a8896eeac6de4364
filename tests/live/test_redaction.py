"""What leaves the process leaves without its secrets, in whatever form a library wrote them."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as some

from core.events import ConfigSnapshot, OperatorCommanded, StrategyLoaded
from core.rules import RULES
from core.secret import REDACTED, Secret
from live import redaction
from live.redaction import SecretFoundError, forms_of, guarded, redact, redacted, refuse_in
from tests.build_world import at

CANARY = 'canary/of+a "secret"\\äß-0123456789'


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A process that holds the canary, and forgets it after the test."""
    before = vars(redaction.HELD).copy()
    redaction.hide(Secret(CANARY), Secret("id"), Secret(""))
    yield CANARY
    vars(redaction.HELD).update(before)


def basic(secret: str) -> str:
    """A header of HTTP's Basic authentication."""
    return base64.b64encode(f"someone:{secret}".encode()).decode()


FORMS = {
    "raw": CANARY,
    "json": json.dumps(CANARY),
    "json without escapes": json.dumps(CANARY, ensure_ascii=False),
    "json in json": json.dumps(json.dumps(CANARY)),
    "repr": repr(CANARY),
    "bytes": repr(CANARY.encode()),
    "url": quote(CANARY, safe=""),
    "url path": quote(CANARY),
    "form": quote_plus(CANARY),
    "lower-case url": quote(CANARY, safe="").replace("%2F", "%2f").replace("%2B", "%2b")
    .replace("%5C", "%5c").replace("%C3", "%c3").replace("%A4", "%a4").replace("%9F", "%9f"),
    "hex": CANARY.encode().hex(),
    "upper-case hex": CANARY.encode().hex().upper(),
    "base64": base64.b64encode(CANARY.encode()).decode(),
    "base64url": base64.urlsafe_b64encode(CANARY.encode()).decode(),
    "basic": basic(CANARY),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_a_secret_is_taken_out_in_every_form(held: str, form: str) -> None:
    line = redact(f"header Authorization: {FORMS[form]}; status 403")

    assert REDACTED in line
    assert line.startswith("header Authorization: ")
    assert line.endswith("; status 403")
    for known in forms_of(CANARY):
        assert known not in line


@given(before=some.binary(max_size=7), after=some.binary(max_size=7))
def test_base64_is_recognized_wherever_the_secret_begins_in_it(before: bytes, after: bytes) -> None:
    text = base64.b64encode(before + CANARY.encode() + after).decode()

    assert any(form in text for form in forms_of(CANARY))


def test_a_short_or_an_empty_secret_redacts_nothing_but_itself(held: str) -> None:
    assert redact("idle, valid, id") == "idle, valid, id"
    assert redact("id") == REDACTED
    assert redact("") == ""


def command(why: str) -> OperatorCommanded:
    """An operator's command."""
    return OperatorCommanded(observed_at=at(), command="halt", who="me", where="here", why=why)


def test_an_observation_is_committed_without_it(held: str) -> None:
    told = redacted(command(f"the broker said: {CANARY} is unknown"))

    assert told == command(f"the broker said: {REDACTED} is unknown")


def test_an_observation_without_one_is_the_same_object(held: str) -> None:
    heard = command("nothing in it")

    assert redacted(heard) is heard


def test_a_strategys_source_or_a_setting_that_holds_it_is_refused(held: str) -> None:
    """Redacted, the source would not be what its hash says, and replay would run another one."""
    config = ConfigSnapshot(
        observed_at=at(), config={"a": CANARY}, config_hash="0" * 64, rules=RULES
    )
    strategy = StrategyLoaded(
        observed_at=at(), name="s.py:S", class_name="S", entry="s", window=0, source_hash="0" * 64,
        sources={"s": f"KEY = {CANARY!r}"},
    )  # fmt: skip
    for event in (config, strategy):
        with pytest.raises(SecretFoundError, match="value not shown") as refused:
            redacted(event)
        assert CANARY not in str(refused.value)


def test_a_decision_that_holds_it_is_refused(held: str) -> None:
    with pytest.raises(SecretFoundError, match="expected no secret in a decision"):
        refuse_in([command(CANARY)])
    refuse_in([command("nothing")])


def test_a_guarded_stream_writes_text_and_bytes_without_it(held: str, tmp_path: Path) -> None:
    with (tmp_path / "out").open("w", encoding="utf-8") as file:
        stream = guarded(file)
        assert stream.write(f"a {CANARY} b\n") == len(CANARY) + 5
        print("print", CANARY, file=stream)
        stream.writelines([CANARY[:10], CANARY[10:]])
        stream.flush()
        stream.buffer.write(CANARY.encode())
        assert (stream.fileno(), stream.isatty()) == (file.fileno(), False)

    text = (tmp_path / "out").read_text()
    assert text.count(REDACTED) == 4
    assert CANARY[:8] not in text
