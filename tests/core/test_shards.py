"""The persistent map of closed intents behaves as a dict that is copied at every change."""

from hypothesis import given
from hypothesis import strategies as st

from core.shards import Shards

KEYS = st.sampled_from(["a", "b", "xa", "xxa", "yxa", "zz", "1zz", ""])


@given(st.lists(st.tuples(KEYS, st.integers() | st.none()), max_size=30))
def test_it_is_a_dict(changes: list[tuple[str, int | None]]) -> None:
    shards: Shards[int] = Shards()
    known: dict[str, int] = {}
    for key, value in changes:
        before, was = dict(shards.items()), dict(known)
        if value is None:
            changed = shards.without({key})
            known.pop(key, None)
        else:
            changed = shards.with_item(key, value)
            known[key] = value
        assert dict(shards.items()) == before == was
        shards = changed

    assert list(shards.items()) == sorted(known.items())
    assert {key: shards.get(key) for key in known} == known
    assert shards.get("never") is None


def test_a_change_copies_one_shard_and_an_empty_one_goes() -> None:
    first = Shards[int]().with_item("a-00", 1).with_item("a-11", 2)
    second = first.with_item("b-00", 3)

    assert second.shards["1"] is first.shards["1"]
    assert first.without({"a-11"}).shards == {"0": {"a-00": 1}}
