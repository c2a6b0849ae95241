"""What could not be looked at is said to be unknown, and never told as something else: every look, every right less."""

import re
from collections.abc import Callable, Iterator

import pytest

from e2e.test_rights_called import (
    chained,
    healthy,
    nothing,
    self_managed,
    with_attached,
    with_blue,
    with_ebs_role,
    with_open_identity,
)
from harness import Outcome
from rights_support import asked_for
from worlds import Site


def admitting_two(site: Site) -> None:
    healthy(site)
    site.must("trust", "add", "--role", "shop-orders", "--for", "shop/cart", "--yes")


RARE = pytest.mark.rare
LOOKS = [
    pytest.param("list -o wide", healthy, marks=RARE),
    pytest.param("list --pods", healthy, marks=RARE),
    pytest.param("show shop/orders", chained, marks=RARE),
    pytest.param("show shop/orders --cloudtrail", with_attached, marks=RARE),
    pytest.param("verify shop/orders --yes", chained, marks=RARE),
    ("agent status", self_managed),
    pytest.param("agent nodes", healthy, marks=RARE),
    pytest.param("agent versions", healthy, marks=RARE),
    ("addon list", with_ebs_role),
    pytest.param("addon list --all", nothing, marks=RARE),
    pytest.param("role list", healthy, marks=RARE),
    pytest.param("role show shop-orders", with_attached, marks=RARE),
    pytest.param("trust check --role shop-orders", healthy, marks=RARE),
]
PLANS = [
    pytest.param("install-agent", nothing, marks=RARE),
    ("install-agent --addon-version latest", healthy),
    ("uninstall-agent", healthy),
    pytest.param("associate legacy/reports --role storefront", healthy, marks=RARE),
    ("disassociate shop/orders", healthy),
    pytest.param("move shop/orders legacy/reports", with_open_identity, marks=RARE),
    pytest.param("copy --from-cluster blue --to-cluster demo", with_blue, marks=RARE),
    pytest.param("restart shop/orders", healthy, marks=RARE),
    ("trust remove --role shop-orders --for shop/orders", admitting_two),
    pytest.param("role delete storefront --adopt", healthy, marks=RARE),
    pytest.param("addon disassociate aws-ebs-csi-driver ebs-csi-controller-sa", with_ebs_role, marks=RARE),
]
UNSEEN = re.compile(r"[?]|\bunknown\b|could not|not looked at|may not|not allowed|\bneeds\b")
RANDOM = re.compile(r" +|(?<=until )\S+|(?<=session )\S+")


@pytest.mark.parametrize(("line", "start"), LOOKS, ids=lambda value: getattr(value, "__name__", value))
def test_a_look_with_a_right_less(site: Site, line: str, start: Callable[[Site], None]) -> None:
    start(site)
    for right, everything, less in with_a_right_less(site, line):
        if less.code == 4:
            assert less.stdout == "", (right, less)
            assert less.stderr, right
        else:
            assert less.code in (0, 9), (right, less)
            assert set(told(everything.stdout, less.stdout)) == set(), (right, less)


@pytest.mark.parametrize(("line", "start"), PLANS, ids=lambda value: getattr(value, "__name__", value))
def test_a_plan_with_a_right_less(site: Site, line: str, start: Callable[[Site], None]) -> None:
    """A note that is no longer there has another one in its place."""
    start(site)
    for right, everything, less in with_a_right_less(site, f"{line} --dry-run"):
        if less.code:
            continue
        before, after = (each.stdout + each.stderr for each in (everything, less))
        assert set(told(before, after)) == set(), (right, less)
        lost = set(before.splitlines()) - set(after.splitlines())
        assert not lost or any(UNSEEN.search(line) for line in set(after.splitlines()) - set(before.splitlines())), (
            right
        )


def with_a_right_less(site: Site, line: str) -> Iterator[tuple[str, Outcome, Outcome]]:
    """Each right that the command asks for, what it says with all of them, and what without this one."""
    with asked_for() as asked:
        everything = site.must(*line.split())
    for action in sorted(asked.iam):
        site.box.world.credentials.deny(action)
        yield action, everything, site(*line.split())
        site.box.world.credentials.allow_again()
    rights = sorted(asked.kubernetes, key=str)
    for number, right in enumerate(rights):
        rules = [
            {"apiGroups": [each.group], "resources": [each.resource], "verbs": [each.verb]}
            for each in rights
            if each is not right
        ]
        yield str(right), everything, site(*line.split(), env=site.user(f"viewer-{number}", rules))


def told(everything: str, less: str) -> Iterator[str]:
    """What is told with a right less, and neither with all of them nor as unknown; of a table cell by cell."""
    before, after = ([RANDOM.sub(" ", line) for line in text.splitlines()] for text in (everything, less))
    rows = [line.split("\t") for line in before]
    for line in after:
        name, *cells = line.split("\t")
        alike = [row for row in rows if row[0] == name]
        for number, cell in enumerate(cells, 1):
            if cell not in {row[number] for row in alike} and not UNSEEN.search(cell):
                yield line
        if not cells and line not in before and not UNSEEN.search(line):
            yield line
