"""What a gateway's method says that it needs, against what the services are asked for when it is called."""

import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import podid.aws
import podid.kube
from aws.samples import AGENT, ORDERS, ROLE
from permissions_support import checked_permissions
from podid.aws.account import AccountManagement, CloudFormation, Organizations
from podid.aws.api import Api
from podid.aws.cloudtrail import CloudTrail
from podid.aws.ec2 import Ec2
from podid.aws.eks import Eks
from podid.aws.iam import AccessAnalyzer, Iam
from podid.aws.resource_policies import ResourcePolicies
from podid.aws.session import AwsSession
from podid.aws.sts import EksAuth, Sts
from podid.domain.aws import OidcProvider
from podid.domain.errors import PodidError
from podid.domain.names import Arn, ServiceAccountRef
from podid.domain.permissions import Permissions, resource_of
from podid.kube.transport import Transport
from podid.ops.permissions.actions import action_table

ASSOCIATION = "arn:aws:eks:us-west-2:111122223333:podidentityassociation/demo/a-00000000000000000"
READ_S3 = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
POLICY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}
LONG_AGO = datetime.now(UTC) - timedelta(days=1)
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "pods.eks.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}

PROVIDER = OidcProvider(
    arn="arn:aws:iam::111122223333:oidc-provider/oidc.eks.us-west-2.amazonaws.com/id/MARKS",
    url="oidc.eks.us-west-2.amazonaws.com/id/MARKS",
    client_ids=("sts.amazonaws.com",),
    thumbprints=("9e99a48a9960b14926bb7f3b02e22da2b0ab7280",),
    tags={"team": "shop"},
)
GATEWAYS = (
    *(Ec2, AccessAnalyzer, AccountManagement, CloudFormation, CloudTrail, Eks, Iam, Sts, EksAuth, Organizations),
    ResourcePolicies,
)
SERVICES = (
    "account",
    "cloudformation",
    "cloudtrail",
    "dynamodb",
    "ec2",
    "eks",
    "eks-auth",
    "iam",
    "kms",
    "lambda",
    "organizations",
    "s3",
    "secretsmanager",
    "sns",
    "sqs",
    "sts",
)
ANALYZER = ("access-analyzer", "accessanalyzer")  # as rights call it, and botocore

# dependent actions that AWS documents and the sandbox does not ask for
DEPENDENT = {
    "eks:CreatePodIdentityAssociation": {"iam:GetRole"},
    "eks:UpdatePodIdentityAssociation": {"iam:GetRole"},
}


def gateways() -> Iterator[type[Any]]:
    """The classes that are made of an Api or a Transport."""
    for package in (podid.aws, podid.kube):
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            for cls in vars(importlib.import_module(module.name)).values():
                taken = getattr(getattr(cls, "__init__", None), "__annotations__", {}).values()
                if inspect.isclass(cls) and cls.__module__ == module.name and {Api, Transport} & set(taken):
                    yield cls


def operations(cls: type[Any]) -> list[Callable[..., Any]]:
    return [value for name, value in vars(cls).items() if inspect.isfunction(value) and not name.startswith("_")]


def test_every_operation_of_a_gateway_says_what_it_needs() -> None:
    classes = list(gateways())
    assert {cls.__name__ for cls in classes} == {
        *(
            "AccessAnalyzer",
            "AccountManagement",
            "CloudFormation",
            "CloudTrail",
            "Ec2",
            "Eks",
            "EksAddons",
            "EksAuth",
            "Iam",
            "IamProviders",
            "ListingIam",
            "Organizations",
            "ServiceGateway",
            "Sts",
        ),
        *("KubeReader", "KubeWriter"),
    }
    unmarked = [f.__qualname__ for cls in classes for f in operations(cls) if not hasattr(f, "__permissions__")]
    assert unmarked == []


def _of(service: str, resource: str) -> Arn:
    return Arn.parse(f"arn:aws:{service}:us-west-2:111122223333:{resource}")


# method -> a call with every argument that asks for more
CALLS: dict[Callable[..., Any], Callable[[AwsSession], object]] = {
    Eks.get_cluster: lambda s: s.eks.get_cluster("demos"),
    Eks.find_cluster_tags: lambda s: s.eks.find_cluster_tags("demo"),
    # the first: later lists show the association that the test has created
    Eks.list_late: lambda s: s.eks.list_late("demo", [ORDERS]),
    Eks.list_clusters: lambda s: s.eks.list_clusters(),
    Eks.list_association_summaries: lambda s: s.eks.list_association_summaries("demo"),
    Eks.list_associations: lambda s: s.eks.list_associations("demo"),
    Eks.iter_associations: lambda s: list(s.eks.iter_associations("demo")),
    Eks.get_association: lambda s: s.eks.get_association("demo", "a-00000000000000000"),
    Eks.get_reported: lambda s: s.eks.get_reported("demo", "a-00000000000000000"),
    Eks.find_association: lambda s: s.eks.find_association("demo", ORDERS),
    Eks.create_association: lambda s: s.eks.create_association(
        "demo", ServiceAccountRef("shop", "cart"), ROLE, tags={"team": "shop"}, token="t-1"
    ),
    Eks.update_association: lambda s: s.eks.update_association(
        "demo", s.eks.list_association_summaries("demo")[0].association_id, {"roleArn": ROLE}, token="t-2"
    ),
    Eks.tag_association: lambda s: s.eks.tag_association(ASSOCIATION, {"team": "shop"}),
    Eks.untag_association: lambda s: s.eks.untag_association(ASSOCIATION, ["team"]),
    Eks.delete_association: lambda s: s.eks.delete_association("demo", "a-00000000000000000"),
    Eks.list_node_groups: lambda s: s.eks.list_node_groups("demo"),
    Eks.find_addon: lambda s: s.eks.find_addon("demo", AGENT),
    Eks.list_addons: lambda s: s.eks.list_addons("demo"),
    Eks.list_addon_versions: lambda s: s.eks.list_addon_versions(AGENT, "1.35"),
    Eks.list_addon_offers: lambda s: s.eks.list_addon_offers("1.35"),
    Eks.update_addon_associations: lambda s: s.eks.update_addon_associations(
        "demo", "aws-ebs-csi-driver", {"ebs-csi-controller-sa": ROLE}, irsa_role_arn="", token="t-5"
    ),
    Eks.get_addon_configuration: lambda s: s.eks.get_addon_configuration(AGENT, "v1.3.10-eksbuild.3"),
    Eks.create_addon: lambda s: s.eks.create_addon("demo", AGENT, token="t-3"),
    Eks.create_addon_with_roles: lambda s: s.eks.create_addon_with_roles(
        "demo", "vpc-cni", {}, roles={"aws-node": ROLE}, token="t-9"
    ),
    Eks.update_addon: lambda s: s.eks.update_addon(
        "demo", AGENT, {"resolveConflicts": "NONE"}, irsa_role_arn="", token="t-4"
    ),
    Eks.update_addon_with_role: lambda s: s.eks.update_addon_with_role(
        "demo", "vpc-cni", {"resolveConflicts": "NONE"}, irsa_role_arn=ROLE, token="t-6"
    ),
    Eks.get_update: lambda s: s.eks.get_update("demo", "u-1", addon=AGENT),
    Eks.delete_addon: lambda s: s.eks.delete_addon("demo", AGENT),
    Iam.get_role: lambda s: s.iam.get_role("storefront"),
    Iam.find_role: lambda s: s.iam.find_role("storefront"),
    Iam.find_roles: lambda s: list(s.iam.find_roles(["storefront"])),
    Iam.list_roles: lambda s: s.iam.list_roles(),
    Iam.list_role_names: lambda s: s.iam.list_role_names(),
    Iam.create_role: lambda s: s.iam.create_role("shop", TRUST, tags={"team": "shop"}),
    Iam.delete_role: lambda s: s.iam.delete_role("none"),
    Iam.list_instance_profiles: lambda s: s.iam.list_instance_profiles("demo-node-role"),
    Iam.update_trust: lambda s: s.iam.update_trust("storefront", TRUST),
    Iam.update_role: lambda s: s.iam.update_role("storefront", "of the shop", 3600),
    Iam.tag_role: lambda s: s.iam.tag_role("storefront", {"team": "shop"}),
    Iam.untag_role: lambda s: s.iam.untag_role("storefront", ["team"]),
    Iam.put_boundary: lambda s: s.iam.put_boundary("storefront", READ_S3),
    Iam.delete_boundary: lambda s: s.iam.delete_boundary("storefront"),
    Iam.put_inline_policy: lambda s: s.iam.put_inline_policy("storefront", "p", POLICY),
    Iam.get_policies: lambda s: s.iam.get_policies("storefront"),
    Iam.find_inline_policy: lambda s: s.iam.find_inline_policy("orders-dynamodb", "p"),
    Iam.list_inline_policies: lambda s: s.iam.list_inline_policies("orders-dynamodb"),
    Iam.list_attached_policies: lambda s: s.iam.list_attached_policies("storefront"),
    Iam.delete_inline_policy: lambda s: s.iam.delete_inline_policy("storefront", "p"),
    Iam.attach_policy: lambda s: s.iam.attach_policy("storefront", READ_S3),
    Iam.detach_policy: lambda s: s.iam.detach_policy("storefront", READ_S3),
    Iam.find_policy: lambda s: s.iam.find_policy(READ_S3),
    Iam.get_managed_document: lambda s: s.iam.get_managed_document(READ_S3),
    Iam.get_managed_documents: lambda s: list(s.iam.get_managed_documents([READ_S3])),
    Iam.get_policy_names: lambda s: s.iam.get_policy_names("orders-dynamodb"),
    Iam.get_inline_names: lambda s: list(s.iam.get_inline_names(("orders-dynamodb",))),
    Iam.get_names_of_policies: lambda s: list(s.iam.get_names_of_policies(("orders-dynamodb",))),
    Iam.get_inline_documents: lambda s: list(s.iam.get_inline_documents((("orders-dynamodb", "p"),))),
    Iam.simulate: lambda s: s.iam.simulate(ROLE, ("s3:GetObject",)),
    Iam.simulate_pairs: lambda s: list(s.iam.simulate_pairs(((ROLE, READ_S3),), ("s3:GetObject",))),
    Iam.start_usage_report: lambda s: s.iam.start_usage_report(ROLE),
    Iam.find_usage_report: lambda s: s.iam.find_usage_report("4f0e4c1a-0000-4000-8000-000000000000", ROLE),
    Iam.get_account_summary: lambda s: s.iam.get_account_summary(),
    Iam.list_oidc_providers: lambda s: s.iam.list_oidc_providers(),
    Iam.find_oidc_provider: lambda s: s.iam.find_oidc_provider(PROVIDER.arn),
    Iam.create_oidc_provider: lambda s: s.iam.create_oidc_provider(PROVIDER),
    Iam.delete_oidc_provider: lambda s: s.iam.delete_oidc_provider(PROVIDER.arn),
    Iam.find_profile_role: lambda s: s.iam.find_profile_role("none"),
    Ec2.list_instances: lambda s: s.ec2.list_instances(["i-0a1b2c3d4e5f60001"]),
    Ec2.list_route_tables: lambda s: s.ec2.list_route_tables("vpc-0a1b2c3d4e5f60001"),
    Ec2.list_security_groups: lambda s: s.ec2.list_security_groups(["sg-0a1b2c3d4e5f60001"]),
    Ec2.list_vpc_endpoints: lambda s: s.ec2.list_vpc_endpoints("vpc-0a1b2c3d4e5f60001"),
    Eks.list_upgrade_findings: lambda s: s.eks.list_upgrade_findings("demo"),
    Eks.find_insight: lambda s: s.eks.find_insight("demo", "none"),
    Eks.list_access_entries: lambda s: s.eks.list_access_entries("demo"),
    Eks.list_access_policies: lambda s: s.eks.list_access_policies("demo"),
    Iam.list_principals: lambda s: s.iam.list_principals(),
    Sts.get_caller: lambda s: s.sts.get_caller(),
    Sts.caller_of: lambda s: s.sts.caller_of(_own(s)),
    Sts.assume_role: lambda s: s.sts.assume_role(ROLE, "podid"),
    Organizations.list_active_accounts: lambda s: s.organizations.list_active_accounts(),
    AccountManagement.list_regions: lambda s: s.account_management.list_regions(),
    Ec2.list_regions: lambda s: s.ec2.list_regions(),
    Sts.get_key_account: lambda s: s.sts.get_key_account("AKIAZZZZ2222PODIDWAY"),
    Sts.get_cluster_token: lambda s: s.sts.get_cluster_token("demo"),
    AccessAnalyzer.validate_policy: lambda s: s.access_analyzer.validate_policy(POLICY, "a policy"),
    ResourcePolicies.find_bucket_policy: lambda s: s.resource_policies.find_bucket_policy("reports"),
    ResourcePolicies.find_key_policy: lambda s: s.resource_policies.find_key_policy(_of("kms", "key/1")),
    ResourcePolicies.find_trust_policy: lambda s: s.resource_policies.find_trust_policy(Arn.parse(ROLE)),
    ResourcePolicies.find_queue_policy: lambda s: s.resource_policies.find_queue_policy(_of("sqs", "jobs")),
    ResourcePolicies.find_secret_policy: lambda s: s.resource_policies.find_secret_policy(_of("secretsmanager", "s")),
    ResourcePolicies.find_topic_policy: lambda s: s.resource_policies.find_topic_policy(_of("sns", "t")),
    ResourcePolicies.find_function_policy: lambda s: s.resource_policies.find_function_policy(_of("lambda", "f")),
    ResourcePolicies.find_table_policy: lambda s: s.resource_policies.find_table_policy(_of("dynamodb", "table/t")),
    Ec2.list_regions: lambda s: s.ec2.list_regions(),
    CloudFormation.find_owner_of_role: lambda s: s.cloudformation.find_owner_of_role("storefront"),
    CloudTrail.iter_redemptions: lambda s: list(s.cloudtrail.iter_redemptions(LONG_AGO)),
    CloudTrail.iter_calls: lambda s: list(s.cloudtrail.iter_calls("i-0", LONG_AGO)),
    CloudTrail.iter_web_identities: lambda s: list(s.cloudtrail.iter_web_identities(LONG_AGO)),
    CloudTrail.iter_sessions: lambda s: list(s.cloudtrail.iter_sessions(ROLE, LONG_AGO)),
    Sts.assume_role: lambda s: s.sts.assume_role(ROLE, "podid"),
    EksAuth.assume_role_for_pod_identity: lambda s: s.eks_auth.assume_role_for_pod_identity("demo", "a.b.c"),
}


def _own(session: AwsSession) -> Any:
    from podid.aws.decode import Credentials

    keys = session._boto.get_credentials()
    return Credentials(access_key_id=keys.access_key, secret_access_key=keys.secret_key, session_token="")


def test_the_marks_are_what_the_services_are_asked_for(session: AwsSession) -> None:
    session.eks.create_association("demo", ORDERS, ROLE, token="t-0")
    wrong = []
    for operation, call in CALLS.items():
        # a missing object requires the same permissions
        with checked_permissions() as asked, suppress(PodidError):
            call(session)
        needed = asked.iam | {action for each in asked.iam for action in DEPENDENT.get(each, ())}
        marked: Permissions = operation.__permissions__  # type: ignore[attr-defined]
        if operation is Eks.update_association:
            needed.discard("eks:ListPodIdentityAssociations")  # the test's own question
        if (set(marked.iam), marked.kubernetes) != (needed, ()):
            wrong.append((operation.__qualname__, marked.iam, sorted(needed)))
    assert wrong == []


def test_every_operation_is_called_here() -> None:
    marked = {f.__qualname__ for cls in GATEWAYS for base in cls.__mro__[:-1] for f in operations(base)}
    assert {operation.__qualname__ for operation in CALLS} == marked


def test_actions_are_operations_of_the_services(session: AwsSession) -> None:
    """A mark cannot be misspelt: botocore's models know every action but the two that are no operation."""
    import botocore.session

    core = botocore.session.get_session()
    known = {
        f"{prefix}:{operation}"
        for prefix, service in (
            *((name, name) for name in SERVICES),
            ANALYZER,
        )
        for operation in core.get_service_model(service).operation_names
    }
    marked = {action for operation in CALLS for action in operation.__permissions__.iam}  # type: ignore[attr-defined]
    assert marked - known == {"iam:PassRole"}
    assert all(re.fullmatch(r"[a-z0-9-]+:[A-Z]\w+", action) for action in marked)


def test_each_permission_is_checked_on_a_resource_that_its_action_has() -> None:
    table, cluster = action_table(), Arn.parse("arn:aws:eks:us-west-2:111122223333:cluster/prod")
    wrong = []
    for name in sorted({action for operation in CALLS for action in operation.__permissions__.iam}):  # type: ignore[attr-defined]
        action, resource = table.find(name), resource_of(name, cluster)
        if action is not None and (resource != "*" if not action.types else not table.applies(action, resource)):
            wrong.append((name, resource))
    assert wrong == []
