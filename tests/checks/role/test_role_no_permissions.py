from checks.builder import DENIED, ROLE_ARN, association, healthy
from checks.grid import answers
from podid.domain.iam import PolicyNames
from podid.domain.snapshot import Known

ID = "role-no-permissions"
FAILS = healthy(role_policies={ROLE_ARN: Known(PolicyNames())})
UNKNOWN = healthy(role_policies={ROLE_ARN: DENIED})
FINDINGS = [("fail", "warn", "Role orders")]
UNKNOWNS = [("unknown", "error", "Role orders")]


def test_a_missing_role_is_not_judged() -> None:
    snapshot = healthy(roles={ROLE_ARN: Known(None)}, role_policies={ROLE_ARN: DENIED})
    assert [a[0] for a in answers(ID, snapshot)] == ["not-applicable"]


def test_a_role_that_only_assumes_its_target_role_is_not_judged() -> None:
    """The trust of a target role of the same account may name it, and that is enough."""
    onward = association("web", target_role_arn=f"{ROLE_ARN}-data")
    for associations, outcome in (((onward,), "not-applicable"), ((onward, association()), "fail")):
        snapshot = healthy(associations=associations, role_policies={ROLE_ARN: Known(PolicyNames())})
        assert [a[0] for a in answers(ID, snapshot)] == [outcome]
