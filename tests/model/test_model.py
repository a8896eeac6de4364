"""The submission protocol, proven by search: what it keeps in every state, what breaks without it.

The model is submission.pml; its transitions are those of replay/protocol.py, which reads journals
too. One test searches: what it takes is taken once, on whichever worker.
"""

from pathlib import Path

import pytest

from tests.apt import LackingError
from tests.model import checker
from tests.model.__main__ import searched, unmet
from tests.model.checker import ALL_MUTANTS, SearchError, World, built, check
from tests.model.mutants import MUTANTS, WORLDS
from tests.model.tools import install


@pytest.fixture
def spin() -> None:
    """The model checker is here; else the test is skipped, loudly."""
    try:
        install()
    except LackingError as error:
        pytest.skip(f"THE PROTOCOL'S MODEL IS NOT CHECKED: {error}")


@pytest.mark.usefixtures("spin")
def test_the_protocol_holds_in_every_state_and_does_not_without_any_of_its_rules() -> None:
    held, failed = searched(WORLDS, MUTANTS)

    assert {result.world: result.error for result in held if result.error} == {}
    assert sum(result.states for result in held) >= 500_000
    assert [result.mutant for result in failed if result.error is None] == []
    assert {result.mutant for result in failed} == set(ALL_MUTANTS)
    assert unmet(held) == [], "transitions of the table, or marks, that no search came to"


@pytest.mark.usefixtures("spin")
def test_a_search_that_is_cut_short_proves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checker, "DEPTH_MAX", 50)
    monkeypatch.setattr(checker, "COMPILE", ("gcc", "-w", "-DSAFETY", "-DNOFAIR"))
    program = built(tmp_path)

    with pytest.raises(SearchError, match="max search depth too small"):
        check(program, World("cut", runners=1, crashes=0))
