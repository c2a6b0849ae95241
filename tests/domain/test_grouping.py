"""Values by their key."""

from podid.domain.grouping import grouped


def test_keys_and_values_keep_their_order() -> None:
    groups = grouped(iter([("b", 2), ("a", 1), ("b", 1), ("b", 2)]))
    assert list(groups.items()) == [("b", [2, 1, 2]), ("a", [1])]
    assert grouped(()) == {}
