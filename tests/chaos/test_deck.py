"""What a drill deals is a function of its seed and of the order's number, and of nothing else."""

from live.chaos.deck import ALONE, DEALT, HEARD, NOTHING, Deck, card_of
from live.venue.faults import Fault


def test_one_seed_deals_the_same_cards_whatever_was_asked_for_before() -> None:
    asked = Deck(7)
    for number in (40, 3, 99):
        asked.deal(number)
    assert [asked.deal(n) for n in range(80)] == [Deck(7).deal(n) for n in range(80)]


def test_another_seed_deals_other_cards() -> None:
    assert [Deck(7).deal(n) for n in range(20)] != [Deck(8).deal(n) for n in range(20)]


def test_a_round_holds_every_kind_once() -> None:
    count = len(DEALT)
    for round_number in (0, 1, 2):
        dealt = [Deck(3).deal(round_number * count + n).fault for n in range(count)]
        assert sorted(map(str, dealt)) == sorted(map(str, DEALT))


def test_every_kind_but_a_replaces_own_is_dealt() -> None:
    assert set(Fault) - set(DEALT) == {Fault.REPLACE_REJECTED}


def test_where_a_card_is_told_by_the_stream_nobody_dies_and_nothing_else_makes_it_deaf() -> None:
    for seed in range(1, 200):
        cards = Deck(seed).deal_cycle(0, 4)
        heard = [card for card in cards if card.fault in HEARD]
        assert len(heard) <= 1
        if heard:
            assert not any(card.kill for card in cards)


def test_where_a_card_must_be_alone_the_others_are_nothing() -> None:
    found = 0
    for seed in range(1, 200):
        cards = Deck(seed).deal_cycle(0, 3)
        if any(card.fault in ALONE for card in cards):
            found += 1
            assert cards[0].fault in ALONE
            assert cards[1:] == [NOTHING, NOTHING]
            assert cards[0].kill == ""
    assert found > 3


def test_a_card_is_read_as_it_was_written() -> None:
    for card in (NOTHING, *Deck(5).deal_cycle(0, 8)):
        assert card_of(list(card)) == card


def test_every_step_a_runner_dies_at_is_dealt() -> None:
    steps = {Deck(seed).deal(n).kill for seed in range(1, 51) for n in range(40)}
    assert steps >= {
        "", "decided", "before submit", "after submit", "answered", "filled",
        "before look-up", "after look-up", "before cancel", "after cancel",
    }  # fmt: skip
