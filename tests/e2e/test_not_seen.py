"""What could not be looked at is said to be unknown, and never told as something else: every look, every right less."""

import re
from collections.abc import Callable, Iterator

import pytest

from e2e.test_rights_called import chained, healthy, nothing, self_managed, with_attached, with_ebs_role
from harness import Outcome
from rights_support import asked_for
from worlds import Site

LOOKS = [
    ("list -o wide", healthy),
    ("list --pods", healthy),
    ("show shop/orders", chained),
    ("show shop/orders --cloudtrail", with_attached),
    ("verify shop/orders --yes", chained),
    ("agent status", self_managed),
    ("agent nodes", healthy),
    ("agent versions", healthy),
    ("addon list", with_ebs_role),
    ("addon list --all", nothing),
    ("role list", healthy),
    ("role show shop-orders", with_attached),
    ("trust check --role shop-orders", healthy),
]
UNSEEN = re.compile(r"[?]|\bunknown\b|could not|not looked at|may not|not allowed|\bneeds\b")
RANDOM = re.compile(r" +|(?<=until )\S+|(?<=session )\S+")


@pytest.mark.parametrize(("line", "start"), LOOKS, ids=[line for line, _ in LOOKS])
def test_a_right_less(site: Site, line: str, start: Callable[[Site], None]) -> None:
    start(site)
    with asked_for() as asked:
        everything = site.must(*line.split())
    for action in sorted(asked.iam):
        site.box.world.credentials.deny(action)
        compare(everything, site(*line.split()), action)
        site.box.world.credentials.allow_again()
    rights = sorted(asked.kubernetes, key=str)
    for number, right in enumerate(rights):
        rules = [
            {"apiGroups": [each.group], "resources": [each.resource], "verbs": [each.verb]}
            for each in rights
            if each is not right
        ]
        compare(everything, site(*line.split(), env=site.user(f"viewer-{number}", rules)), str(right))


def compare(everything: Outcome, less: Outcome, right: str) -> None:
    if less.code == 4:
        assert less.stdout == "", (right, less)
        assert less.stderr, right
        return
    assert less.code in (0, 9), (right, less)
    assert set(_told(everything, less)) == set(), (right, less)


def _told(everything: Outcome, less: Outcome) -> Iterator[str]:
    """What is told with a right less, and neither with all of them nor as unknown; of a table cell by cell."""
    before, after = ([RANDOM.sub(" ", line) for line in each.stdout.splitlines()] for each in (everything, less))
    rows = [line.split("\t") for line in before]
    for line in after:
        name, *cells = line.split("\t")
        alike = [row for row in rows if row[0] == name]
        for number, cell in enumerate(cells, 1):
            if cell not in {row[number] for row in alike} and not UNSEEN.search(cell):
                yield line
        if not cells and line not in before and not UNSEEN.search(line):
            yield line
