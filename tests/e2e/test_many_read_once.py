"""An account with many service accounts and roles: commands that read them all read each once, with few calls."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from podid.domain.names import ServiceAccountRef
from podid.sandbox.baseline import add_association, add_role
from worlds import ACCOUNT, POLICY, Site, account_site, trust_for

DETAILS = ("iam", "GetAccountAuthorizationDetails")
OF_REPORTS = (("iam", "GenerateServiceLastAccessedDetails"), ("iam", "GetServiceLastAccessedDetails"))
WHO = "who-can dynamodb:GetItem"
LINES = ("graph", WHO, "unused", "audit")


@pytest.fixture(params=[(50, 60), pytest.param((200, 300), marks=pytest.mark.rare)], ids=str)
def many(request: Any, tmp_path: Path) -> Iterator[tuple[Site, int]]:
    """Yield the site and the number of its service accounts: every role has a policy of its own, and one that all have.
    The roles of associations were used yesterday."""
    number, roles = request.param
    with account_site(tmp_path) as site:
        for index in range(roles):
            ref, name = ServiceAccountRef("many", f"app-{index:03}"), f"role-{index:03}"
            add_role(
                site.box.world,
                site.box.iam,
                name,
                trust_for(ref),
                managed=["AmazonSQSReadOnlyAccess"],
                inline={"own": POLICY},
            )
            if index < number:
                add_association(site.box.world, ref.namespace, ref.name, name, age=200 * 86400.0)
                arn, yesterday = f"arn:aws:iam::{ACCOUNT}:role/{name}", site.clock.now() - 86400.0
                site.box.gateway.last_use.tried(arn, "dynamodb", "GetItem", yesterday)
        yield site, number


def called(site: Site, line: str) -> tuple[Any, Counter[tuple[str, str]]]:
    site.box.faults.calls.clear()
    outcome = site(*line.split(), "-o", "json")
    # the cluster's objects are not known here
    assert outcome.code in (0, 9), outcome
    return outcome.json, Counter(site.box.faults.calls)


def test_each_is_read_once(many: tuple[Site, int]) -> None:
    site, number = many
    first_answers = {line: called(site, line) for line in LINES}
    for line, (_, calls) in first_answers.items():
        assert (calls[DETAILS], calls["iam", "ListRoles"]) == (1, 0), line
        # no list has the roles of associations
        assert calls.pop(("eks", "DescribePodIdentityAssociation")) == number, line
        if line == "unused":
            started, read = (calls.pop(name) for name in OF_REPORTS)
            assert started == number
            # while they are in progress, one of them is asked for
            assert number <= read <= number + 10
        rest = {name: count for name, count in calls.items() if count > 4}
        assert rest == {}, line
        assert sum(calls.values()) < 25, calls
    assert len(first_answers["unused"][0]["items"]) > number
    assert len(first_answers[WHO][0]["items"]) == number
    # without the permission, each role is read by itself
    site.box.world.credentials.deny("iam:GetAccountAuthorizationDetails")
    for line in (WHO, "unused"):
        alone, calls = called(site, line)
        assert alone["items"] == first_answers[line][0]["items"]
        assert calls["iam", "ListRolePolicies"] == calls["iam", "GetRolePolicy"] == number
        assert number <= calls["iam", "GetRole"] <= 2 * number
