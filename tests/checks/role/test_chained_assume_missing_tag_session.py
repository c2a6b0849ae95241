from checks.builder import DENIED, ROLE_ARN, TARGET_ARN, association, healthy
from checks.grid import answers, only
from podid.domain.iam import AssumePermissions
from podid.domain.snapshot import Known

FOREIGN = "arn:aws:iam::444455556666:role/reader"
ID = "chained-assume-missing-tag-session"
FAILS = healthy(assume_permissions={ROLE_ARN: Known(AssumePermissions((FOREIGN,)))})
UNKNOWN = healthy(assume_permissions={ROLE_ARN: DENIED})
PASSES = healthy(assume_permissions={ROLE_ARN: Known(AssumePermissions((FOREIGN,), (FOREIGN,)))})
FINDINGS = [("fail", "error", "Role orders")]
UNKNOWNS = [("unknown", "error", "Role orders")]
MESSAGES = [
    "pods with this role cannot assume arn:aws:iam::444455556666:role/reader: the request includes "
    "the session's tags, and no policy of the role allows sts:TagSession on it"
]


def test_a_pattern_of_roles_without_the_tags() -> None:
    """It may match no role."""
    wide = healthy(assume_permissions={ROLE_ARN: Known(AssumePermissions(("arn:aws:iam::*:role/reader-*",)))})
    assert answers(ID, wide) == [("fail", "warn", "Role orders")]


def test_pods_with_a_target_role_do_not_use_the_policies_of_the_role() -> None:
    """Only the pods of the other association use them, and the target role is not theirs to assume."""
    hop = association("stage", target_role_arn=TARGET_ARN)
    named = {ROLE_ARN: Known(AssumePermissions((FOREIGN, TARGET_ARN)))}
    only_hop = healthy(associations=(hop,), assume_permissions=named)
    assert answers(ID, only_hop) == [("not-applicable", "error", "Role orders")]
    assert only(ID, only_hop).message == "its pods use their target role"
    both = only(ID, healthy(associations=(hop, association()), assume_permissions=named))
    assert both.chain == ("shop/orders",)
    assert [line.partition(":role/")[2].partition(":")[0] for line in both.evidence] == ["reader"]
