"""Classes of fixes, and words in an order."""

from harness import table
from podid.domain.findings import LINKS, Fix, FixClass, RankedWord, Subject, class_of, link_words


@table(
    ("line", "expected"),
    [
        ("podid restart shop/orders", FixClass.ASK),
        ("podid install-agent", FixClass.ASK),
        ("podid associate shop/orders --role orders", FixClass.GRANT),
        ("podid role create orders", FixClass.GRANT),
        ("podid role show orders", FixClass.PRINT),
        ("podid disassociate shop/orders", FixClass.DELETE),
        ("podid associate shop/orders --role orders --update-trust", FixClass.PRINT),
        ("podid install-agent --fix-node-role", FixClass.PRINT),
        ("kubectl restart", FixClass.PRINT),
        ("podid", FixClass.PRINT),
    ],
)
def test_the_class_of_a_command(line: str, expected: FixClass) -> None:
    assert class_of(tuple(line.split())) is expected


def test_a_fix_has_the_most_serious_class_of_its_commands() -> None:
    restart, create = ("podid", "restart", "a/b"), ("podid", "role", "create", "r")
    assert Fix(FixClass.ASK).kind is FixClass.ASK
    assert Fix(FixClass.ASK, (restart, create)).kind is FixClass.GRANT
    assert Fix(FixClass.DELETE, (restart,)).kind is FixClass.DELETE
    assert Fix(FixClass.NONE, (restart, ("kubectl", "delete"))).kind is FixClass.PRINT


def test_words_are_ranked_by_their_declaration() -> None:
    class Size(RankedWord):
        LARGE = "large"
        SMALL = "small"

    assert [size.rank for size in Size] == [0, 1]
    assert Size("small") is Size.SMALL


def test_links_and_subjects_in_words() -> None:
    assert [link_words(number) for number in (0, len(LINKS) - 1)] == ["0 podid's own access", "10 permissions"]
    assert str(Subject("Role", "orders")) == "Role orders"
    assert str(Subject("Pod", "a", "shop")) == "Pod shop/a"
