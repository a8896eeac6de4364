"""Randomness by name: pinned, the same everywhere, and no two names run together."""

from hypothesis import given
from hypothesis import strategies as st

from core.rng import rng_from_parts, stable_sha256_int

PARTS = st.lists(st.integers() | st.text(st.characters(exclude_categories=["Cs"])), max_size=4)


def test_the_numbers_are_pinned() -> None:
    """Other numbers would make every recorded simulation another one."""
    assert f"{stable_sha256_int(42, 'venue', 'order-1', 3):064x}" == (
        "81082012d912d46d182bcd5d2b56d7c74e4816dc7fc9fe6bf5891979a0f74a23"
    )
    rng = rng_from_parts(42, "venue", "order-1", 3)
    assert [rng.getrandbits(32) for _ in range(3)] == [2973948862, 2024677264, 1971846160]


def test_neither_kind_nor_border_of_parts_is_lost() -> None:
    different: list[tuple[str | int, ...]] = [
        ("ab", "c"),
        ("a", "bc"),
        ("abc",),
        (1,),
        ("1",),
        (),
        ("",),
        ("", ""),
        (12,),
        (1, 2),
    ]

    assert len({stable_sha256_int(*parts) for parts in different}) == len(different)


@given(PARTS, PARTS)
def test_two_names_have_the_same_number_only_if_they_are_the_same(
    one: list[str | int], other: list[str | int]
) -> None:
    assert (stable_sha256_int(*one) == stable_sha256_int(*other)) == (one == other)


def test_generators_share_nothing() -> None:
    first, second = rng_from_parts(1, "a"), rng_from_parts(1, "a")
    first.random()

    assert rng_from_parts(1, "a").random() == second.random()
