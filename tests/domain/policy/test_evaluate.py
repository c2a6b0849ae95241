"""Cases that AWS documents with their result, and what podid adds: the deciding statement and the unknown keys."""

from typing import Any

from domain.policy.policies import ACCOUNT, ADDRESSES, BUCKET, ROLE, SESSION, access, allow, deny, document
from harness import table
from podid.domain.policy.evaluate import AccessVerdict, Layer, LayerKind, RoleAccess
from podid.domain.policy.statements import parse_permissions
from podid.domain.section import Missing

GUIDE = "https://docs.aws.amazon.com/IAM/latest/UserGuide/"
MFA = {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}
REGIONS = {"StringNotEquals": {"aws:RequestedRegion": ["eu-central-1", "eu-west-1"]}}
OUTSIDE = {
    "Effect": "Deny",
    "NotAction": ["cloudfront:*", "iam:*", "route53:*", "support:*"],
    "Resource": "*",
    "Condition": REGIONS,
}


def revoked(before: str) -> dict[str, Any]:
    """Return the statement of the policy AWSRevokeOlderSessions."""
    return deny("*", Condition={"DateLessThan": {"aws:TokenIssueTime": before}})


BOUNDARY = document(allow(["s3:*", "cloudwatch:*", "ec2:*"]))
CASES: list[tuple[str, RoleAccess, str, str, AccessVerdict]] = [
    ("reference_policies_evaluation-logic_AccessPolicyLanguage_Interplay.html",
     access(allow("s3:*"), deny("s3:PutObject")),
     "s3:PutObject", f"{BUCKET}/a", AccessVerdict.DENIED),
    ("reference_policies_evaluation-logic_AccessPolicyLanguage_Interplay.html",
     access(), "s3:PutObject", "*", AccessVerdict.DENIED),
    ("access_policies_boundaries.html", access(allow("iam:CreateUser"), boundary=BOUNDARY), "iam:CreateUser",
     f"arn:aws:iam::{ACCOUNT}:user/x", AccessVerdict.DENIED),
    ("access_policies_boundaries.html", access(allow("*"), boundary=BOUNDARY), "ec2:RunInstances",
     "*", AccessVerdict.ALLOWED),
    ("access_policies_boundaries.html", access(boundary=BOUNDARY), "s3:GetObject", f"{BUCKET}/a", AccessVerdict.DENIED),
    ("access_policies.html#policies_session", access(allow("s3:*"), session_policy=document(allow("s3:GetObject"))),
     "s3:PutObject", f"{BUCKET}/a", AccessVerdict.DENIED),
    ("access_policies.html#policies_session", access(allow("s3:*"), session_policy=document(allow("s3:GetObject"))),
     "s3:GetObject", f"{BUCKET}/a", AccessVerdict.ALLOWED),
    ("reference_policies_elements_action.html",
     access(allow("IAM:ListAccessKeys")), "iam:listaccesskeys", "*", AccessVerdict.ALLOWED),
    ("reference_policies_elements_action.html",
     access(allow("iam:*AccessKey*")), "iam:GetAccessKeyLastUsed", "*", AccessVerdict.ALLOWED),
    ("reference_policies_elements_resource.html",
     access(allow("s3:*", f"{BUCKET}/*/test/*")), "s3:GetObject",
     f"{BUCKET}/1/2/test/3/object.jpg", AccessVerdict.ALLOWED),
    ("reference_policies_elements_resource.html",
     access(allow("s3:*", f"{BUCKET}/*/test/*")), "s3:GetObject",
     f"{BUCKET}/1-test/object.jpg", AccessVerdict.DENIED),
    ("reference_policies_elements_resource.html",
     access(allow("s3:*", f"{BUCKET}/*")), "s3:GetObject",
     "arn:aws:s3:::AMZN-S3-demo-bucket/a", AccessVerdict.DENIED),
    ("reference_policies_elements_notresource.html",
     access({"Effect": "Deny", "Action": "s3:*", "NotResource": [BUCKET, f"{BUCKET}/*"]}, allow("s3:*")),
     "s3:GetObject", "arn:aws:s3:::other/a", AccessVerdict.DENIED),
    ("reference_policies_elements_notresource.html",
     access({"Effect": "Deny", "Action": "s3:*", "NotResource": [BUCKET, f"{BUCKET}/*"]}, allow("s3:*")),
     "s3:GetObject", f"{BUCKET}/a", AccessVerdict.ALLOWED),
    ("id_roles_use_revoke-sessions.html",
     access(allow("*"), revoked("2026-11-24T03:00:00Z")), "sqs:ListQueues", "*", AccessVerdict.ALLOWED),
    ("id_roles_use_revoke-sessions.html",
     access(allow("*"), revoked("2026-11-24T15:00:00Z")), "sqs:ListQueues", "*", AccessVerdict.UNKNOWN),
    ("id_roles_use_revoke-sessions.html",
     access(allow("*"), revoked("2026-11-24T17:00:00Z")), "sqs:ListQueues", "*", AccessVerdict.DENIED),
    ("../../../AmazonS3/latest/userguide/walkthrough1.html",
     access(allow("s3:ListAllMyBuckets", "arn:aws:s3:::*")), "s3:ListAllMyBuckets", "*", AccessVerdict.ALLOWED),
    ("../../../AmazonS3/latest/userguide/walkthrough1.html",
     access(allow("s3:ListAllMyBuckets", BUCKET)), "s3:ListAllMyBuckets", "*", AccessVerdict.DENIED),
    ("../../../AmazonS3/latest/userguide/walkthrough1.html",
     access(allow("s3:*", "arn:aws:s3:::*")), "s3:ListJobs", "*", AccessVerdict.DENIED),
    ("reference_policies_elements_notaction.html",
     access({"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}), "iam:CreateUser", "*", AccessVerdict.DENIED),
    ("reference_policies_elements_notaction.html",
     access({"Effect": "Deny", "NotAction": "iam:*", "Resource": "*", "Condition": MFA}, allow("*")),
     "s3:ListAllMyBuckets", "*", AccessVerdict.DENIED),
    ("reference_policies_examples_aws_deny-requested-region.html",
     access(OUTSIDE, allow("*")), "sqs:SendMessage",
     f"arn:aws:sqs:us-east-1:{ACCOUNT}:orders", AccessVerdict.DENIED),
    ("reference_policies_examples_aws_deny-requested-region.html",
     access(OUTSIDE, allow("*")), "sqs:SendMessage",
     f"arn:aws:sqs:eu-central-1:{ACCOUNT}:orders", AccessVerdict.ALLOWED),
    ("reference_policies_examples_aws_deny-requested-region.html",
     access(OUTSIDE, allow("*")), "iam:GetRole", ROLE, AccessVerdict.ALLOWED),
    ("reference_policies_examples_aws_deny-ip.html",
     access(deny("*", Condition=ADDRESSES), allow("*")), "s3:GetObject",
     f"{BUCKET}/a", AccessVerdict.UNKNOWN),
    ("reference_policies_variables.html",
     access(allow("s3:*", f"{BUCKET}/${{aws:PrincipalTag/team}}/*")), "s3:GetObject",
     f"{BUCKET}/blue/a", AccessVerdict.ALLOWED),
    ("reference_policies_variables.html",
     access(allow("s3:*", f"{BUCKET}/${{aws:PrincipalTag/team}}/*")), "s3:GetObject",
     f"{BUCKET}/red/a", AccessVerdict.DENIED),
    ("reference_policies_variables.html",
     access(allow("s3:*", f"{BUCKET}/${{aws:username}}/*")), "s3:GetObject",
     f"{BUCKET}/x/a", AccessVerdict.DENIED),
    ("reference_policies_variables.html",
     access(allow("s3:*", f"{BUCKET}/${{*}}/*")), "s3:GetObject", f"{BUCKET}/x/a",
     AccessVerdict.DENIED),
]  # fmt: skip


@table("case", CASES)
def test_the_result_is_the_documented_one(case: tuple[str, RoleAccess, str, str, AccessVerdict]) -> None:
    _, policies, action, resource, expected = case
    assert policies.ruling(action, resource).verdict is expected


def test_a_policy_that_could_not_be_read_leaves_unknown_only_what_it_could_change() -> None:
    unread = parse_permissions("other", "identity", Missing("no permission", "iam:GetRolePolicy"))
    known = parse_permissions("app", "identity", document(allow("s3:*"), deny("s3:PutObject")))
    policies = RoleAccess(SESSION, (Layer(LayerKind.IDENTITY, "policy of role orders", (known, unread)),))
    rulings = [policies.ruling(action, "*") for action in ("s3:PutObject", "s3:GetObject", "sqs:SendMessage")]
    assert [item.verdict.value for item in rulings] == ["denied", "unknown", "unknown"]
    assert rulings[1].missing_permission == "iam:GetRolePolicy"
    assert policies.ruling("s3:GetObject").verdict is AccessVerdict.UNKNOWN


def test_resources_are_narrowed_by_each_layer_and_without_those_denied() -> None:
    table = "arn:aws:dynamodb:{}:table/{}"
    policies = access(
        allow("dynamodb:*", table.format("*:*", "orders*")),
        deny("dynamodb:*", table.format("*:*", "orders-secret")),
        boundary=document(allow("*", table.format(f"eu-west-1:{ACCOUNT}", "*"))),
    )
    ruling = policies.ruling("dynamodb:Query")
    assert ruling.verdict is AccessVerdict.ALLOWED
    assert ruling.resources == (table.format(f"eu-west-1:{ACCOUNT}", "orders*"),)
    assert ruling.except_ == (table.format("*:*", "orders-secret"),)
    whole = policies.ruling("dynamodb:Query", table.format(f"eu-west-1:{ACCOUNT}", "orders-*"))
    assert (whole.verdict, whole.except_) == (AccessVerdict.UNKNOWN, ruling.except_)
    part = policies.ruling("dynamodb:Query", table.format(f"eu-west-1:{ACCOUNT}", "orders-2*"))
    assert part.verdict is AccessVerdict.ALLOWED
    assert (
        policies.ruling("dynamodb:Query", table.format(f"us-east-1:{ACCOUNT}", "orders*")).verdict
        is AccessVerdict.DENIED
    )


def test_resources_that_not_resource_or_a_variable_leaves() -> None:
    others = {"Effect": "Deny", "Action": "s3:*", "NotResource": [f"{BUCKET}/a/*"]}
    unknown = {"StringEquals": {"aws:SourceVpce": "vpce-1"}}
    for statements, resources, unclear in (
        ((allow("s3:*"), others), (f"{BUCKET}/a/*",), ()),
        ((allow("s3:*", f"{BUCKET}/a/b/*"), others), (f"{BUCKET}/a/b/*",), ()),
        ((allow("s3:*"), {**others, "Condition": unknown}), (), ("*",)),
        ((allow("s3:*", f"{BUCKET}/${{aws:SourceVpce}}/*"),), (), (f"{BUCKET}/*/*",)),
    ):
        ruling = access(*statements).ruling("s3:GetObject")
        assert (ruling.resources, ruling.unclear) == (resources, unclear), statements


def test_too_many_patterns_are_not_a_denial() -> None:
    names = [f"{BUCKET}/{number}/*" for number in range(501)]
    for resource in ("", f"{BUCKET}/*", f"{BUCKET}/7/*"):
        ruling = access(allow("s3:*", names)).ruling("s3:GetObject", resource)
        assert (ruling.verdict, ruling.reason) == (
            AccessVerdict.UNKNOWN,
            "its policies combine too many patterns of resources",
        )


def test_a_pattern_within_an_exception() -> None:
    """None of its resources is allowed by the wider pattern, but another statement can allow a part of them."""
    excepted, part = f"{BUCKET}/secret/*", f"{BUCKET}/secret/public/*"
    others = {"Effect": "Allow", "Action": "s3:*", "NotResource": excepted}
    known = {"StringEquals": {"aws:PrincipalTag/team": "blue"}}
    unknown = {"StringEquals": {"aws:SourceVpce": "vpce-1"}}
    denied, doubt = AccessVerdict.DENIED, AccessVerdict.UNKNOWN
    for statements, verdict, resources, reason in (
        ((others,), denied, (), "no policy of role orders allows it"),
        ((allow("s3:*"), deny("s3:*", excepted, Condition=known)), denied, (), "app, Statement[1] denies it"),
        ((allow("s3:*"), deny("s3:*", [excepted, f"{BUCKET}/x"])), denied, (), "app, Statement[1] denies it"),
        ((allow("s3:*"), deny("s3:*", excepted, Condition=unknown)), doubt, (), "whether app, Statement[1] denies it"),
        ((others, allow("s3:*", part)), doubt, (part,), f"allowed on {part}"),
        ((others, allow("s3:*", part, Condition=unknown)), doubt, (), "whether app, Statement[1] allows it"),
    ):
        ruling = access(*statements).ruling("s3:GetObject", excepted)
        assert (ruling.verdict, ruling.resources) == (verdict, resources), statements
        assert ruling.reason.startswith(reason)
