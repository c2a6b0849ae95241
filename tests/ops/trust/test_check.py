"""Trust policies of files and roles, evaluated for pods, for associations and for all principals."""

from typing import Any

import pytest

from domain.trust.trust_helpers import BASE_ROLE, CLUSTER, EXTERNAL_ID, NOW, PODS, policy, statement
from harness import table
from podid.domain.aws import Association, Role
from podid.domain.errors import AccessDenied, ExitCode, Unavailable
from podid.domain.names import ServiceAccountRef
from podid.domain.section import Unread
from podid.ops.role.uses import Uses
from podid.ops.trust.check import PolicyChecks, Question, access_by, check_policies, check_uses
from podid.ops.trust.files import TrustFile
from podid.ops.trust.request import TrustCheckOptions

FOR_SHOP = {"StringEquals": {"aws:RequestTag/kubernetes-namespace": "shop"}}
TAGGED = {"StringEquals": {"aws:ResourceTag/team": "shop"}}
ANYONE = statement(Principal="*", Action="sts:*")


def file(*statements: dict[str, Any], tags: dict[str, str] | None = None, name: str = "f.json") -> TrustFile:
    return TrustFile(name, "", policy(*statements), role_tags=tags)


def checked(*files: TrustFile, refs: tuple[str, ...] = ("shop/orders",), tags: Any = None, **more: Any) -> PolicyChecks:
    options = TrustCheckOptions(service_accounts=tuple(map(ServiceAccountRef.parse, refs)), **more)
    return check_policies(files, Question(options=options, cluster_arn=CLUSTER, role_tags=tags, now=NOW))


@table(
    ("statements", "code"),
    [
        ([statement()], ExitCode.OK),
        ([statement(FOR_SHOP)], ExitCode.OK),
        ([], ExitCode.ATTENTION),
        ([statement(Action="sts:AssumeRole")], ExitCode.ATTENTION),
        ([statement(TAGGED)], ExitCode.UNDETERMINED),
        ([statement(), ANYONE], ExitCode.ATTENTION),
    ],
)
def test_the_exit_code_is_that_of_the_verdict(statements: list[Any], code: ExitCode) -> None:
    assert checked(file(*statements)).exit_code is code


def test_the_worst_verdict_of_several_files_and_service_accounts() -> None:
    assert checked(file(statement(FOR_SHOP)), refs=("shop/orders", "web/app")).exit_code is ExitCode.ATTENTION
    checks = checked(file(statement()), file(name="empty.json"))
    assert ([name for name, _ in checks.checks], checks.exit_code) == (["f.json", "empty.json"], ExitCode.ATTENTION)


def test_tags_of_the_role_are_those_of_the_file_or_the_specified_ones() -> None:
    tagged = file(statement(TAGGED), tags={"team": "shop"})
    assert checked(tagged).exit_code is ExitCode.OK
    assert checked(tagged, tags={"team": "web"}).exit_code is ExitCode.ATTENTION
    assert checked(file(statement(TAGGED))).exit_code is ExitCode.UNDETERMINED


def test_the_policy_of_a_target_role() -> None:
    target = file(statement({"StringEquals": {"sts:ExternalId": EXTERNAL_ID}}, Principal={"AWS": BASE_ROLE}))
    assert checked(target, base_role=BASE_ROLE, external_id=EXTERNAL_ID, session_tags=False).exit_code is ExitCode.OK
    assert checked(target, base_role=BASE_ROLE, external_id="other", session_tags=False).exit_code is ExitCode.ATTENTION
    assert (
        checked(target, base_role=f"{BASE_ROLE}-2", external_id=EXTERNAL_ID, session_tags=False).exit_code
        is ExitCode.ATTENTION
    )


def test_conditions_on_pod_names_need_the_pods() -> None:
    one = file(statement({"StringEquals": {"aws:RequestTag/kubernetes-pod-name": "orders-1"}}))
    assert checked(one, pods=("orders-1",)).exit_code is ExitCode.OK
    assert checked(one).exit_code is ExitCode.UNDETERMINED


def test_the_principals_that_can_assume_a_role() -> None:
    instances = statement(Principal={"Service": "ec2.amazonaws.com"})
    accesses = access_by([file(statement(FOR_SHOP)), file(ANYONE), file(instances)])
    shop, anyone, ec2 = accesses.items
    assert shop.pods.scopes == ("any pod in namespace shop in any cluster in the role's account",)
    assert [item.id for item in anyone.findings] == ["trust-too-broad"]
    assert ec2.pods.scopes == ()
    assert accesses.exit_code is ExitCode.ATTENTION
    assert access_by([file(statement(FOR_SHOP))]).exit_code is ExitCode.OK
    assert access_by([file(statement(TAGGED))]).exit_code is ExitCode.UNDETERMINED
    assert access_by([file(statement(TAGGED))], {"team": "shop"}).exit_code is ExitCode.OK
    (advised,) = access_by([file(statement(Principal={"Service": PODS.replace("pods", "pod")}))]).items
    assert "pods.eks.amazonaws.com" in " ".join(advised.advice)


ROLE = Role(
    name="base",
    arn=BASE_ROLE,
    role_id="AROA",
    path="/",
    trust={"Version": "2012-10-17", "Statement": [statement(FOR_SHOP)]},
)


def uses(*namespaces: str, unread: tuple[Unread, ...] = ()) -> Uses:
    associations = tuple(
        Association(
            cluster_name="demo",
            namespace=namespace,
            service_account="orders",
            association_id=f"a-{namespace}",
            association_arn=f"{CLUSTER.replace('cluster', 'podidentityassociation')}/a-{namespace}",
            role_arn=BASE_ROLE,
        )
        for namespace in namespaces
    )
    return Uses({CLUSTER: associations}, unread)


def test_every_association_of_a_role_is_checked() -> None:
    checks = check_uses(ROLE, uses("shop"))
    assert checks is not None
    assert ([name for name, _ in checks.checks], checks.exit_code) == (["base"], ExitCode.OK)
    checks = check_uses(ROLE, uses("shop", "web"))
    assert checks is not None
    assert checks.exit_code is ExitCode.ATTENTION
    assert check_uses(ROLE, uses()) is None


def test_associations_that_cannot_be_read() -> None:
    denied = Unread("clusters", "denied", "eks:ListPodIdentityAssociations")
    with pytest.raises(AccessDenied, match="requires eks:ListPodIdentityAssociations"):
        check_uses(ROLE, uses("shop", unread=(denied,)))
    with pytest.raises(Unavailable, match="no answer"):
        check_uses(ROLE, uses("shop", unread=(Unread("clusters", "no answer"),)))
