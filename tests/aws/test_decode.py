"""Answers of AWS as domain values: optional members, sorted versions, policies as JSON text, and refused forms."""

import json
from typing import Any
from urllib.parse import quote

import pytest

from harness import table
from podid.aws import decode
from podid.domain.aws import AddonVersion
from podid.domain.foreign import Malformed

ARN = "arn:aws:iam::111122223333:"
DOCUMENT = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}]}


def offer(version: str, cluster: str | None = "1.35", **members: Any) -> dict[str, Any]:
    rows = [] if cluster is None else [{"clusterVersion": cluster, **members}]
    return {"addonVersion": version, "compatibilities": rows, "computeTypes": ["ec2"], "architecture": ["arm64"]}


def test_offered_versions_of_one_kubernetes_version_newest_first() -> None:
    versions = [
        offer("v1.9.0-eksbuild.1", defaultVersion=True, platformVersions=["*"]),
        offer("v1.10.0-eksbuild.2"),
        offer("v1.11.0-eksbuild.1", "1.36"),
        offer("any", None),
    ]
    page = {
        "addons": [
            {"addonName": "agent", "defaultNamespace": "kube-system", "addonVersions": versions},
            {"addonName": "other", "addonVersions": [offer("v1.0.0-eksbuild.1", "1.30")]},
        ]
    }
    (agent,) = decode.addon_offers(page, "1.35")
    assert (agent.name, agent.namespace) == ("agent", "kube-system")
    assert [(item.version, item.default) for item in agent.versions] == [
        ("v1.10.0-eksbuild.2", False),
        ("v1.9.0-eksbuild.1", True),
        ("any", False),
    ]
    assert agent.versions[1] == AddonVersion(
        version="v1.9.0-eksbuild.1",
        default=True,
        platform_versions=("*",),
        compute_types=("ec2",),
        architectures=("arm64",),
    )


def test_the_versions_of_add_ons_that_an_upgrade_requires() -> None:
    details = [{"name": "vpc-cni", "compatibleVersions": ["v1.19.0-eksbuild.1"]}, {"name": "coredns"}]
    answer = {
        "id": "i-1",
        "insightStatus": {"status": "ERROR", "reason": "An add-on is too old."},
        "categorySpecificSummary": {"addonCompatibilityDetails": details},
    }
    insight = decode.upgrade_insight(answer)
    assert (insight.status, insight.reason) == ("ERROR", "An add-on is too old.")
    assert insight.addons == {"vpc-cni": ("v1.19.0-eksbuild.1",), "coredns": ()}


@table(
    ("scope", "namespaces"),
    [
        ({"type": "cluster"}, ()),
        ({"type": "cluster", "namespaces": ["shop"]}, ()),
        ({"type": "namespace", "namespaces": ["shop", "web"]}, ("shop", "web")),
    ],
)
def test_the_scope_of_an_access_policy(scope: dict[str, Any], namespaces: tuple[str, ...]) -> None:
    policy = decode.access_policy("me", {"policyArn": "p", "accessScope": scope})
    assert (policy.principal_arn, policy.policy_arn, policy.namespaces) == ("me", "p", namespaces)


@table("scope", [{"type": "namespace"}, {"type": "namespace", "namespaces": []}, {"type": "galaxy"}, {}])
def test_an_unknown_scope_is_not_the_whole_cluster(scope: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        decode.access_policy("me", {"policyArn": "p", "accessScope": scope})


@table("value", [DOCUMENT, json.dumps(DOCUMENT), quote(json.dumps(DOCUMENT))])
def test_a_policy_document_is_decoded_in_every_form(value: object) -> None:
    assert decode.document({"PolicyDocument": value}, "PolicyDocument") == DOCUMENT


@table(
    ("value", "reason"),
    [
        (None, "PolicyDocument is missing"),
        ("[]", "PolicyDocument is not a JSON object"),
        (5, "PolicyDocument is not a JSON object"),
        ("{", "PolicyDocument is not JSON"),
        ("[" * 100_000, "PolicyDocument is not JSON"),
    ],
)
def test_a_policy_document_of_another_form_is_refused(value: object, reason: str) -> None:
    with pytest.raises(Malformed) as raised:
        decode.document({"PolicyDocument": value}, "PolicyDocument")
    assert str(raised.value) == reason


def test_an_arn_of_another_form_is_refused() -> None:
    with pytest.raises(Malformed, match="Arn is not an ARN"):
        decode.caller({"Account": "111122223333", "Arn": "me"})


def test_credentials_are_not_shown() -> None:
    answer = {"AccessKeyId": "AKID", "SecretAccessKey": "s3cret", "SessionToken": "t0ken"}
    credentials = decode.role_session({"Credentials": {**answer, "Expiration": "2026-11-24T10:00:00Z"}})
    assert (credentials.secret_access_key, credentials.session_token) == ("s3cret", "t0ken")
    assert not {"AKID", "s3cret", "t0ken"} & set(repr(credentials).replace("'", " ").split())


def test_the_place_of_a_finding_in_a_policy() -> None:
    path = [{"value": "Statement"}, {"index": 1}, {"value": "Action"}, {"substring": {"start": 0}}]
    finding = decode.policy_finding(
        {"findingType": "ERROR", "issueCode": "INVALID_ACTION", "locations": [{"path": path}, {"path": []}]}
    )
    assert (finding.kind, finding.code, finding.place) == ("ERROR", "INVALID_ACTION", "Statement[1].Action")
    assert decode.policy_finding({"findingType": "ERROR", "issueCode": "X"}).place == ""


def named(kind: str, name: str, **members: Any) -> dict[str, Any]:
    return {f"{kind}Name": name, "Arn": f"{ARN}{kind.lower()}/{name}", **members}


def inline(kind: str, *names: str) -> dict[str, Any]:
    return {f"{kind}PolicyList": [{"PolicyName": name, "PolicyDocument": DOCUMENT} for name in names]}


def attached(*arns: str) -> dict[str, Any]:
    return {"AttachedManagedPolicies": [{"PolicyName": arn, "PolicyArn": arn} for arn in arns]}


def managed(arn: str, *, default: bool) -> dict[str, Any]:
    versions = [{"IsDefaultVersion": False, "Document": {}}, {"IsDefaultVersion": default, "Document": DOCUMENT}]
    return {"Arn": arn, "PolicyVersionList": versions}


def test_principals_have_the_policies_of_their_groups() -> None:
    policy, limit = f"{ARN}policy/p", f"{ARN}policy/limit"
    page = {
        "UserDetailList": [named("User", "ann", **inline("User", "own"), GroupList=["dev", "gone"])],
        "GroupDetailList": [
            named("Group", "dev", **inline("Group", "of-dev"), **attached(policy, f"{ARN}policy/none"))
        ],
        "RoleDetailList": [named("Role", "ci", PermissionsBoundary={"PermissionsBoundaryArn": limit})],
        "Policies": [managed(policy, default=True), managed(limit, default=True)],
    }
    role: Any = object()
    ann, ci = decode.principals(decode.details(page, lambda _: role))
    assert (ann.arn, [item.name for item in ann.policies]) == (f"{ARN}user/ann", ["own", "of-dev", policy])
    assert ci.policies == ()
    assert ci.boundary is not None
    assert ci.boundary.name == limit


def test_a_managed_policy_without_a_default_version_is_refused() -> None:
    with pytest.raises(Malformed, match="PolicyVersionList has no default version"):
        decode.details({"Policies": [managed("p", default=False)]}, lambda _: None)  # type: ignore[arg-type,return-value]
