from dataclasses import replace
from typing import Any

from checks.builder import DENIED, ROLE_ARN, TARGET_ARN, association, role
from checks.grid import outcomes
from harness import table
from podid.domain.snapshot import Known, Snapshot

from .worlds import UNREAD_POLICIES, allowing

READ = {"Action": "dynamodb:GetItem", "Resource": "*"}
TAGGED = {"StringEquals": {"aws:PrincipalTag/kubernetes-namespace": "shop"}}


def untagged(**statement: Any) -> Snapshot:
    return replace(allowing(**statement), associations=Known((association(disable_session_tags=True),)))


ID = "policy-uses-disabled-session-tags"
FAILS = untagged(**READ, Condition=TAGGED)
UNKNOWN = replace(UNREAD_POLICIES, associations=Known((association(disable_session_tags=True),)))
PASSES = untagged(**READ)
FINDINGS = [("fail", "warn", "Association shop/orders")]
UNKNOWNS = [("unknown", "warn", "Association shop/orders")]
MESSAGES = ["session tags are off, but policies of the role compare them: these conditions do not match as intended"]


@table(
    ("key", "value", "uses"),
    [
        ("AWS:principaltag/Kubernetes-Namespace", "shop", True),
        ("aws:ResourceTag/owner", "${aws:PrincipalTag/kubernetes-namespace}", True),
        ("aws:ResourceTag/owner", "${aws:PrincipalTag/kubernetes-pod-uid, 'none'}/x", True),
        # other tags, whose names begin with that of a session tag
        ("aws:PrincipalTag/kubernetes-namespace-owner", "ada", False),
        ("aws:ResourceTag/owner", "${aws:PrincipalTag/eks-cluster-name-2}", False),
        ("aws:PrincipalTag/team", "shop", False),
    ],
)
def test_names_of_tags(key: str, value: str, uses: bool) -> None:
    snapshot = untagged(**READ, Condition={"StringEquals": {key: value}})
    assert outcomes(ID, snapshot) == {"fail" if uses else "pass"}


def test_a_tag_of_the_role_itself_has_a_value_without_session_tags() -> None:
    tagged = replace(role(), tags={"Kubernetes-Namespace": "shop"})
    assert outcomes(ID, replace(FAILS, roles=Known({ROLE_ARN: Known(tagged)}))) == {"pass"}
    assert outcomes(ID, replace(FAILS, roles=DENIED)) == {"fail"}


def test_the_policies_of_the_target_role_count_too() -> None:
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **READ, "Condition": TAGGED}]}
    chained = replace(
        untagged(**READ),
        associations=Known((association(disable_session_tags=True, target_role_arn=TARGET_ARN),)),
        target_policies=Known({TARGET_ARN: Known({"p": Known(document)})}),
    )
    assert outcomes(ID, chained) == {"fail"}
    assert outcomes(ID, replace(chained, target_policies=Known({TARGET_ARN: DENIED}))) == {"unknown"}
    # a role of another account
    assert outcomes(ID, replace(chained, target_policies=Known({}))) == {"pass"}
