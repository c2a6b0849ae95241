"""Facts of AWS's objects: owners, roles of pods, roles that AWS owns, and instances that answer pods."""

from domain.values import association, role_arn
from harness import table
from podid.domain.aws import (
    AssociationSummary,
    AssumedRole,
    Cluster,
    Decision,
    Instance,
    Role,
    UnreadAssociation,
    described,
    owned_by_aws,
)
from podid.domain.owners import of_stack
from podid.domain.section import UNASKED


def test_the_role_of_the_credentials_of_pods() -> None:
    assert association().pods_role_arn == role_arn("orders")
    assert association(target_role_arn=role_arn("reports")).pods_role_arn == role_arn("reports")


def test_session_tags_are_the_default() -> None:
    assert [association(disable_session_tags=value).session_tags for value in (None, False, True)] == [
        True,
        True,
        False,
    ]


def test_the_owner_of_an_association() -> None:
    addon = "arn:aws:eks:eu-west-1:111122223333:addon/demo/vpc-cni/0a"
    by_stack = {"aws:cloudformation:stack-name": "shop"}
    assert association().owner is None
    owned = association(owner_arn=addon, tags=by_stack).owner
    assert owned is not None
    assert owned.detail == "vpc-cni"
    tagged = association(tags=by_stack, custom_owner=of_stack("other")).owner
    assert tagged is not None
    assert (tagged.tool, tagged.detail) == ("CloudFormation", "stack shop")
    assert association(custom_owner=of_stack("other")).owner == of_stack("other")


def test_an_association_that_was_not_described_has_its_summary() -> None:
    summary = AssociationSummary(
        cluster_name="demo", namespace="shop", service_account="orders", association_id="a-1", association_arn="arn"
    )
    unread = UnreadAssociation.unasked(summary)
    assert (str(unread.ref), unread.association_id, unread.unread.error_code) == ("shop/orders", "a-1", UNASKED)
    assert described((unread, association())) == (association(),)


def test_the_parts_of_the_arn_of_a_cluster() -> None:
    arn = "arn:aws-cn:eks:cn-north-1:111122223333:cluster/demo"
    cluster = Cluster(name="demo", arn=arn, version="1.35", status="ACTIVE")
    assert (cluster.partition, cluster.region, cluster.account) == ("aws-cn", "cn-north-1", "111122223333")
    assert AssumedRole(role_arn("audit")).account == "111122223333"


@table(
    ("path", "of_aws"),
    [("/", False), ("/aws-service-role/eks.amazonaws.com/", True), ("/aws-reserved/sso/", True), ("/aws/", False)],
)
def test_roles_that_aws_owns(path: str, of_aws: bool) -> None:
    assert owned_by_aws(path) is of_aws
    role = Role(name="a", arn=role_arn("a"), path=path, role_id="AROA", trust={})
    assert role.service_linked is of_aws


@table(
    ("instance", "open_", "closed"),
    [
        (Instance(id="i", hop_limit=1), False, True),
        (Instance(id="i", hop_limit=2), True, False),
        (Instance(id="i", hop_limit=1, tokens_required=False), True, False),
        (Instance(id="i", hop_limit=2, metadata=False), False, True),
        # EC2 returned no hop limit
        (Instance(id="i"), False, False),
    ],
)
def test_instances_whose_metadata_service_answers_pods(instance: Instance, open_: bool, closed: bool) -> None:
    assert (instance.open_to_pods, instance.closed_to_pods) == (open_, closed)


@table(
    ("decision", "boundary", "organization", "denied_by", "lacking"),
    [
        ("allowed", True, True, "", False),
        ("implicitDeny", None, None, "", True),
        ("implicitDeny", True, True, "", True),
        ("implicitDeny", False, True, "boundary", False),
        ("implicitDeny", False, False, "boundary", False),
        ("implicitDeny", True, False, "organization", False),
        # whatever the boundary allows
        ("explicitDeny", False, True, "policy", False),
        # the Deny is in a policy of the organization
        ("explicitDeny", True, False, "organization", False),
    ],
)
def test_why_a_request_is_denied(
    decision: str, boundary: bool | None, organization: bool | None, denied_by: str, lacking: bool
) -> None:
    answer = Decision(
        action="a", resource="r", decision=decision, boundary_allows=boundary, organization_allows=organization
    )
    assert (answer.denied_by, answer.lacks_a_policy) == (denied_by, lacking)
