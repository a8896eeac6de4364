"""The one status map: every word has one meaning, and terminal is what the type says."""

import pytest

from core.order import BROKER_STATUS, WATCHED, OpenStatus, TerminalStatus, status_of

BOT = (
    # every broker token of the bot this core is first built for (VOCABULARY.md 2.1)
    "new pending_new accepted accepted_for_bidding acknowledged held open pending pending_replace "
    "pending_cancel pending_cancelled pending_cancelled_all partially_filled partial partial_fill "
    "filled canceled cancelled expired done done_for_day rejected replaced stopped stopped_out "
    "failed error completed closed skipped no_fill submitted submitting suspended calculated "
    "pending_review"
)


@pytest.mark.parametrize("word", BOT.split())
def test_every_word_that_is_in_use_is_known(word: str) -> None:
    status, terminal, known = status_of(f" {word.upper()} ")

    assert known
    assert terminal == isinstance(status, TerminalStatus)
    assert (status, terminal, known) == status_of(word)


@pytest.mark.parametrize("word", ["", "dreaming", "filled!", "FILLED AND MORE"])
def test_a_word_nobody_knows_is_open(word: str) -> None:
    assert status_of(word) == (OpenStatus.SUBMITTED, False, False)


def test_open_and_terminal_have_nothing_in_common() -> None:
    assert {str(s) for s in OpenStatus}.isdisjoint(str(s) for s in TerminalStatus)
    assert set(TerminalStatus).isdisjoint(WATCHED)
    assert set(BROKER_STATUS.values()) >= set(TerminalStatus)
