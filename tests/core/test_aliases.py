"""Every spelling of VOCABULARY.md 2.3 has one meaning here."""

import re
from pathlib import Path

import pytest

from core.aliases import ALIASES, Family, Meaning, alias_of
from core.reasons import ReasonCode

VOCABULARY = Path(__file__).resolve().parents[3] / "shared" / "design" / "VOCABULARY.md"
LISTED = 330
"""The spellings of the list with its braces and suffixes written out; it counts itself as 313."""


def spellings(section: str) -> list[str]:
    """The words of the list: A_{B,C} is A_B and A_C, A (+_B _C) is A, A_B and A_C."""
    words: list[str] = []
    stem = ""
    for line in section.splitlines():
        if line.startswith("- "):
            for token in re.sub(r"[()+]", " ", line.partition(": ")[2]).split():
                if braces := re.fullmatch(r"(.*)\{(.*)\}(.*)", token):
                    start, inner, end = braces.groups()
                    words += [start + part + end for part in inner.split(",")]
                elif token.startswith("_"):
                    words.append(stem + token)
                else:
                    words.append(token)
                    stem = token
    return words


@pytest.mark.skipif(not VOCABULARY.exists(), reason="needs ../shared/design/VOCABULARY.md")
def test_every_spelling_of_the_vocabulary_is_an_alias_and_no_other_is() -> None:
    text = VOCABULARY.read_text(encoding="utf-8")
    listed = spellings(text[text.index("### 2.3") : text.index("### 2.4")])

    assert len(listed) == LISTED
    assert set(listed) == set(ALIASES)


def test_the_table_has_as_many_spellings_as_the_list() -> None:
    assert len(ALIASES) == LISTED


def test_spellings_that_differ_in_case_alone_mean_the_same() -> None:
    for spelling, meaning in ALIASES.items():
        assert alias_of(spelling) == meaning
        assert alias_of(f" {spelling.swapcase()}\n") == meaning


def test_every_family_is_meant_by_something() -> None:
    assert {meaning for meaning in ALIASES.values() if isinstance(meaning, Family)} == set(Family)


@pytest.mark.parametrize("code", sorted(ReasonCode))
def test_a_reason_of_ours_means_itself(code: ReasonCode) -> None:
    assert alias_of(str(code)) is code


@pytest.mark.parametrize(
    ("spelling", "meaning"),
    [
        ("STALE_QUOTE_BLOCK", ReasonCode.QUOTE_STALE),
        ("insufficient_day_trading_buying_power", ReasonCode.CAPITAL_BUYING_POWER),
        ("cycle_duplicate_intent", ReasonCode.DUPLICATE_INTENT),
        ("SECTOR_CONCENTRATION_BLOCK", ReasonCode.EXPOSURE_GROUP),
        ("custom_window:0930-0945", Family.SESSION),
        ("PORTFOLIO_OPTIMIZER_TURNOVER", Family.SIZE),
        ("PORTFOLIO_OPTIMIZER_SCALE", Family.MARKER),
        ("SOMETHING_BYPASSED", Family.MARKER),
        ("SCALE", None),
        ("nobody said this", None),
        ("", None),
    ],
)
def test_words_and_patterns_find_their_meaning(spelling: str, meaning: Meaning | None) -> None:
    assert alias_of(spelling) == meaning
