"""What could not be looked at is said to be unknown, and never told as something else: every look, every right less."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from harness import Outcome, examples
from permissions_support import checked_permissions
from way_worlds import (
    SESSIONS,
    World,
    chained,
    half_used,
    healthy,
    nothing,
    self_managed,
    shared_role,
    with_attached,
    with_blue,
    with_ebs_role,
    with_leftovers,
    with_open_identity,
    with_sessions,
)
from worlds import ACCOUNT, Site


def admitting_two(site: Site) -> None:
    healthy(site)
    site.must("trust", "add", "--role", "shop-orders", "--for", "shop/cart", "--yes")


def idle(site: Site) -> None:
    """A role of which one service was used, another one half a year ago, and roles and associations without a use."""
    half_used(site)
    site.associate("shop", "cart", "storefront")
    site.clock.advance(120 * 86400.0)
    site.box.gateway.last_use.tried(f"arn:aws:iam::{ACCOUNT}:role/shop-orders", "sqs", "ListQueues")


LOOKS = [
    ("list -o wide", healthy),
    ("list --pods", healthy),
    ("show shop/orders", chained),
    ("show shop/orders --cloudtrail", with_attached),
    ("agent status", self_managed),
    ("agent nodes", healthy),
    ("agent versions", healthy),
    ("addon list", with_ebs_role),
    ("addon list --all", nothing),
    ("role list", healthy),
    ("role show shop-orders", with_attached),
    ("trust check --role shop-orders", healthy),
]
# their rows are verdicts: another verdict in the place of one is no wrong answer, if it says why
VERDICTS = [
    ("verify shop/orders --yes", chained),
    ("status", healthy),
    ("migrate plan", healthy),
    ("migrate status", healthy),
    ("migrate cleanup", with_leftovers),
    ("can-i shop/orders dynamodb:GetItem", healthy),
    ("who-can dynamodb:GetItem", healthy),
    ("privileges shop/orders", healthy),
    ("unused", idle),
    ("unused shop/cart", shared_role),
    ("right-size shop/orders", half_used),
    ("audit", healthy),
    ("graph", chained),
    ("graph shop/orders", chained),
    ("activity shop/orders", with_sessions),
    (f"trace {SESSIONS[0]}", with_sessions),
    ("whoami --as shop/orders --yes", chained),
    ("export", healthy),
]
PLANS = [
    ("install-agent", nothing),
    ("install-agent --addon-version latest", healthy),
    ("uninstall-agent", healthy),
    ("associate legacy/reports --role storefront", healthy),
    ("disassociate shop/orders", healthy),
    ("move shop/orders legacy/reports", with_open_identity),
    ("copy --from-cluster blue --to-cluster demo", with_blue),
    ("restart shop/orders", healthy),
    ("trust remove --role shop-orders --for shop/orders", admitting_two),
    ("role delete storefront --adopt", healthy),
    ("addon disassociate aws-ebs-csi-driver ebs-csi-controller-sa", with_ebs_role),
]
# what told a defect is always tried, the rest under `make fuzz`
TELLING = (
    "agent status",
    "show",
    "addon list",
    "install-agent --addon",
    "uninstall-agent",
    "disassociate",
    "trust remove",
    "migrate plan",
    "migrate cleanup",
    "unused shop",
)
# a fact with its label on a line; those that only say more of another go with it, and so do workloads with the pods
BY_LABEL = "show"
DETAILS = {"scope", "external id", "privileges"}
LABEL = re.compile(r"^([a-z][\w ]*?)(?:  +|:| \(| not checked)", re.MULTILINE)
UNSEEN = re.compile(
    r"[?]|\bunknown\b|could not|not (known|checked|allowed|authorized)|may not|More podid (explain|doctor --me)"
    r"|unreadable|[Mm]issing permission|\b[Nn]eeds\b|\brequires\b"
)
RANDOM = re.compile(r" +|(?<=until )\S+|(?<=session )\S+|(?<=/)eks-demo-\S+")


def some(cases: Iterable[tuple[str, World]]) -> list[Any]:
    return [
        pytest.param(line, start, id=line, marks=() if line.startswith(TELLING) else pytest.mark.rare)
        for line, start in cases
    ]


@pytest.mark.sampled(3)
@pytest.mark.parametrize(("line", "start"), some(LOOKS))
def test_a_reading_command_with_a_permission_less(site: Site, line: str, start: World) -> None:
    start(site)
    for permission, everything, less in with_a_permission_less(site, line, half=0):
        if less.code == 4:
            assert less.stdout == "", (permission, less)
            assert less.stderr, permission
        else:
            assert less.code in (0, 9), (permission, less)
            assert set(told(everything.stdout, less.stdout)) == set(), (permission, less)
            assert_said(everything, less, permission)
            # without the association itself there is another page
            if line.startswith(BY_LABEL) and "association" in labels(less):
                assert labels(everything) - labels(less) <= DETAILS, (permission, less)


@pytest.mark.parametrize(("line", "start"), some(VERDICTS))
def test_a_verdict_with_a_permission_less(site: Site, line: str, start: World) -> None:
    start(site)
    for permission, everything, less in with_a_permission_less(site, line, half=1):
        assert less.code in (0, 3, 4, 8, 9), (permission, less)
        assert_said(everything, less, permission)
        # nothing is unused because it could not be read
        rows = {line for line in lines(less.stdout) if line.split("\t")[1:2] == ["unused"]}
        assert rows <= set(lines(everything.stdout)), (permission, less)
        assert (less.code == 4) == (not less.stdout and "incomplete" not in less.stderr), (permission, less)


@pytest.mark.parametrize(("line", "start"), some(PLANS))
def test_a_plan_with_a_permission_less(site: Site, line: str, start: World) -> None:
    """A note that is no longer there has another one in its place."""
    start(site)
    for permission, everything, less in with_a_permission_less(site, f"{line} --dry-run", half=1):
        if less.code:
            continue
        # without the associations, the agent is said to matter to any node
        other = {line for line in told(everything.stdout, less.stdout) if not line.startswith("After this: no longer")}
        assert other == set(), (permission, less)
        assert_said(everything, less, permission)


def assert_said(everything: Outcome, less: Outcome, permission: str) -> None:
    """What is no longer told is told to be unknown."""
    before, after = (set(lines(each.stdout + each.stderr)) for each in (everything, less))
    lost = set(lines(everything.stdout)) - after
    assert not lost or any(UNSEEN.search(said) for said in after - before), (permission, less)


def labels(outcome: Outcome) -> set[str]:
    return set(LABEL.findall(outcome.stdout))


def lines(text: str) -> list[str]:
    """Without what is another one each time, or only alignment."""
    return [RANDOM.sub(" ", line) for line in text.splitlines()]


def with_a_permission_less(
    site: Site, line: str, codes: tuple[int, ...] = (0,), *, half: int | None = None
) -> Iterator[tuple[str, Outcome, Outcome]]:
    """Each right that the command asks for, or one half of them outside `make fuzz`: what it says with all of them, and
    what without this one."""

    def chosen(permission: object) -> bool:
        return half is None or examples(1) > 1 or len(str(permission)) % 2 == half

    with checked_permissions() as asked:
        everything = site(*line.split())
        assert everything.code in codes, everything
    for action in filter(chosen, sorted(asked.iam)):
        site.box.world.credentials.deny(action)
        yield action, everything, site(*line.split())
        site.box.world.credentials.allow_again()
    permissions = sorted(asked.kubernetes, key=str)
    for number, permission in enumerate(filter(chosen, permissions)):
        rules = [
            {"apiGroups": [each.group], "resources": [each.resource], "verbs": [each.verb]}
            for each in permissions
            if each is not permission
        ]
        yield str(permission), everything, site(*line.split(), env=site.user(f"viewer-{number}", rules))


def told(everything: str, less: str) -> Iterator[str]:
    """What is told with a right less, and neither with all of them nor as unknown; of a table cell by cell."""
    before, after = lines(everything), lines(less)
    rows = [line.split("\t") for line in before]
    for line in after:
        name, *cells = line.split("\t")
        alike = [row for row in rows if row[0] == name]
        for number, cell in enumerate(cells, 1):
            if cell not in {row[number] for row in alike} and not UNSEEN.search(cell):
                yield line
        # the beginning of a line says less, and nothing else
        if not cells and not any(full.startswith(line) for full in before) and not UNSEEN.search(line):
            yield line
