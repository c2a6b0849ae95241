from dataclasses import replace
from typing import Any

from checks.builder import DENIED, QUOTAS, ROLE_ARN, healthy, role, trust
from checks.grid import answers, only, verdicts
from harness import table
from podid.domain.iam import PolicyNames
from podid.domain.snapshot import Known

ID = "iam-quota"
FAILS = healthy(account_quotas={**QUOTAS, "Roles": 900})
UNKNOWN = healthy(account_quotas=DENIED)
FINDINGS = [("fail", "info", "Cluster prod"), ("pass", "info", "Role orders")]
UNKNOWNS = [("unknown", "info", "Cluster prod")]
ATTACHED = tuple(f"arn:aws:iam::aws:policy/p{number}" for number in range(10))


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
        # a quota that IAM does not report
        ({"role_policies": {ROLE_ARN: Known(PolicyNames(attached=ATTACHED))}, "account_quotas": {}}, []),
        ({"role_policies": DENIED}, []),
    ],
)
def test_quotas_that_are_nearly_used(sections: dict[str, Any], failed: list[str]) -> None:
    answers = verdicts(ID, healthy(**sections))
    assert [verdict.message for verdict in answers if verdict.outcome == "fail"] == failed


def long_trust(characters: int) -> dict[str, Any]:
    """The healthy cluster's policy and a Deny statement that never applies."""
    document = dict(trust())
    statements: Any = document["Statement"]
    padding = {"StringEquals": {"aws:SourceVpc": "x" * characters}}
    deny = {"Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRole", "Condition": padding}
    return {**document, "Statement": [*statements, deny]}


def test_a_long_trust_policy() -> None:
    snapshot = healthy(roles={ROLE_ARN: Known(role(document=long_trust(1500)))})
    (verdict,) = (item for item in verdicts(ID, snapshot) if item.outcome == "fail")
    assert "characters of the trust policy are used" in verdict.message
    assert verdict.subject.name == "orders"


def test_unread_policies_are_unknown() -> None:
    assert only(ID, healthy(account_quotas=DENIED)).outcome == "unknown"
    outcomes = {verdict.subject.name: verdict.outcome for verdict in verdicts(ID, healthy(role_policies=DENIED))}
    assert outcomes["orders"] == "unknown"


def test_a_role_under_another_path_is_not_the_role_of_the_association() -> None:
    elsewhere = replace(role(), arn=ROLE_ARN.replace("role/", "role/teams/"))
    snapshot = healthy(roles={ROLE_ARN: Known(elsewhere)})
    assert answers(ID, snapshot)[1] == ("not-applicable", "info", "Role orders")
