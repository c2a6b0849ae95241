"""Quotas of IAM with what is left of them."""

from typing import Any

from harness import table
from podid.domain.iam import PolicyNames
from podid.domain.snapshot import Known

from .builder import QUOTAS, ROLE_ARN, healthy, role, trust
from .grid import DENIED, only, verdicts

ATTACHED = tuple(f"arn:aws:iam::aws:policy/p{number}" for number in range(10))


def long_trust(characters: int) -> dict[str, Any]:
    """The healthy cluster's policy and a Deny statement that never applies."""
    document = dict(trust())
    statements: Any = document["Statement"]
    padding = {"StringEquals": {"aws:SourceVpc": "x" * characters}}
    deny = {"Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRole", "Condition": padding}
    return {**document, "Statement": [*statements, deny]}


@table(
    ("sections", "failed"),
    [
        ({}, []),
        ({"account_quotas": {**QUOTAS, "Roles": 899}}, []),
        ({"account_quotas": {**QUOTAS, "Roles": 900}}, ["900 of at most 1000 roles of the account are used: 100 left"]),
        ({"role_policies": {ROLE_ARN: Known(PolicyNames(attached=ATTACHED[:8]))}}, []),
        (
            {"role_policies": {ROLE_ARN: Known(PolicyNames(attached=ATTACHED))}},
            ["10 of at most 10 attached policies are used: 0 left"],
        ),
        # a quota that was increased
        (
            {
                "role_policies": {ROLE_ARN: Known(PolicyNames(attached=ATTACHED))},
                "account_quotas": {**QUOTAS, "AttachedPoliciesPerRoleQuota": 20},
            },
            [],
        ),
        # what IAM does not report is not checked
        ({"role_policies": {ROLE_ARN: Known(PolicyNames(attached=ATTACHED))}, "account_quotas": {}}, []),
        ({"role_policies": DENIED}, []),
    ],
)
def test_what_is_left(sections: dict[str, Any], failed: list[str]) -> None:
    answers = verdicts("iam-quota", healthy(**sections))
    assert [verdict.message for verdict in answers if verdict.outcome == "fail"] == failed


def test_a_long_trust_policy() -> None:
    snapshot = healthy(roles={ROLE_ARN: Known(role(document=long_trust(1500)))})
    (verdict,) = (item for item in verdicts("iam-quota", snapshot) if item.outcome == "fail")
    assert "characters of the trust policy are used" in verdict.message
    assert verdict.subject.name == "orders"


def test_a_refused_reading_is_unknown() -> None:
    assert only("iam-quota", healthy(account_quotas=DENIED)).outcome == "unknown"
    outcomes = {
        verdict.subject.name: verdict.outcome for verdict in verdicts("iam-quota", healthy(role_policies=DENIED))
    }
    assert outcomes["orders"] == "unknown"
