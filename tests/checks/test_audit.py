"""Further cases of the checks of `podid audit`."""

from dataclasses import replace
from typing import Any

import pytest

from harness import table
from podid.checks.all import BY_ID
from podid.domain.aws import AccessPolicy, Instance
from podid.domain.declaration import Guard, Position
from podid.domain.evidence import Probed, Redeemed
from podid.domain.exposure import IdentityGrant
from podid.domain.findings import Outcome, Subject
from podid.domain.iam import PolicyDocument, PolicyNames, Principal
from podid.domain.snapshot import Known, Missing, Snapshot
from podid.domain.trust import ScopeKind

from .audit_cases import GRANT, KEY, PIPELINE, allowing, guarded, other_account, trusting
from .builder import ACCOUNT, NODE_ROLE_ARN, READS, ROLE_ARN, TARGET_ARN, association, chained, healthy, role
from .grid import DENIED, answers

ADMINISTRATOR = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/limit"


def bounded(snapshot: Snapshot, **statement: Any) -> Snapshot:
    """The same with a permissions boundary of this one statement."""
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]}
    limited = replace(role(), permissions_boundary_arn=BOUNDARY)
    return replace(snapshot, roles=Known({ROLE_ARN: Known(limited)}), boundaries=Known({BOUNDARY: Known(document)}))


def outcomes(check: str, snapshot: Snapshot) -> set[str]:
    return {outcome for outcome, _, _ in answers(check, snapshot)}


@table(
    ("snapshot", "outcome"),
    [
        (allowing(Action="*", Resource="*"), "fail"),
        (allowing(Action=["s3:*", "iam:*"], Resource=["*"]), "fail"),
        (allowing(NotAction=["iam:*", "organizations:*"], Resource="*"), "fail"),
        (allowing(Action="s3:*", Resource="*"), "pass"),
        (allowing(Action="*", Resource="arn:aws:s3:::orders/*"), "pass"),
        (allowing(Action="*", Resource="*", Condition={"Bool": {"aws:MultiFactorAuthPresent": "true"}}), "pass"),
        (bounded(allowing(Action="*", Resource="*"), Action="s3:*", Resource="*"), "pass"),
        (bounded(allowing(Action="*", Resource="*"), Action="*", Resource="*"), "fail"),
        (replace(bounded(allowing(Action="*", Resource="*")), boundaries=Known({BOUNDARY: DENIED})), "unknown"),
        (healthy(roles={ROLE_ARN: Known(None)}), "not-applicable"),
        (healthy(permission_policies={ROLE_ARN: Known({"p": Known({"Statement": [{"Effect": "?"}]})})}), "unknown"),
        (healthy(permission_policies={ROLE_ARN: Known({"p": Known(READS), "q": DENIED})}), "unknown"),
    ],
)
def test_administrators(snapshot: Snapshot, outcome: str) -> None:
    assert outcomes("role-administrator", snapshot) == {outcome}


@pytest.mark.parametrize(
    ("target", "policies", "outcome"),
    [
        (Known(role(TARGET_ARN)), Known({"p": Known(ADMINISTRATOR)}), "fail"),
        (Known(role(TARGET_ARN)), Known({"p": Known(READS)}), "pass"),
        (Known(role(TARGET_ARN)), DENIED, "unknown"),
        (DENIED, Known({}), "unknown"),
        (Known(None), Known({}), "not-applicable"),
    ],
)
def test_target_roles_are_judged(target: Any, policies: Any, outcome: str) -> None:
    snapshot = chained(association(), target=target, target_policies={TARGET_ARN: policies})
    answer = {subject: result for result, _, subject in answers("role-administrator", snapshot)}
    assert answer == {"Role orders": "pass", "Role reports": outcome}


@pytest.mark.parametrize(
    ("statement", "outcome"),
    [
        ({"Action": "iam:PassRole", "Resource": "*"}, "fail"),
        ({"Action": "iam:*Role", "Resource": f"arn:aws:iam::{ACCOUNT}:role/*"}, "fail"),
        ({"Action": "iam:PassRole", "Resource": f"arn:aws:iam::{ACCOUNT}:role/apps/*"}, "pass"),
        ({"Action": "*", "Resource": "*"}, "not-applicable"),
        (
            {"Action": "iam:PassRole", "Resource": "*", "Condition": {"StringEquals": {"iam:PassedToService": "x"}}},
            "pass",
        ),
    ],
)
def test_passing_roles(statement: dict[str, Any], outcome: str) -> None:
    assert outcomes("role-passes-any-role", allowing(**statement)) == {outcome}


@pytest.mark.parametrize(
    ("external_id", "outcome"),
    [
        ("3f9c1a7e5d2b4c68", "pass"),
        (ACCOUNT, "fail"),
        ("prod", "fail"),
        ("aaaaaaaaaaaaaaaaaaaa", "fail"),
        ("", "fail"),
    ],
)
def test_external_ids(external_id: str, outcome: str) -> None:
    statement = other_account(StringEquals={"sts:ExternalId": external_id}) if external_id else other_account()
    assert outcomes("cross-account-trust-without-external-id", trusting(statement)) == {outcome}


@table(
    ("grant", "severity"),
    [
        (GRANT, "info"),
        (replace(GRANT, subject=Subject("Group", "system:authenticated")), "warn"),
        (replace(GRANT, subject=Subject("Group", "system:serviceaccounts:web"), namespace=""), "warn"),
        (replace(GRANT, subject=Subject("User", "ada")), "info"),
        (replace(GRANT, subject=Subject("ServiceAccount", "ci", "build")), "info"),
        (replace(GRANT, subject=Subject("ServiceAccount", "ci", "shop")), ""),
        (replace(GRANT, subject=Subject("ServiceAccount", "job-controller", "kube-system"), namespace=""), ""),
        (replace(GRANT, subject=Subject("Group", "system:masters"), namespace=""), ""),
        (replace(GRANT, namespace="other"), ""),
    ],
)
def test_who_gets_the_identity(grant: IdentityGrant, severity: str) -> None:
    answer = answers("identity-open-to-others", healthy(grants=(grant,)))
    assert [(outcome, level) for outcome, level, _ in answer] == [("fail", severity) if severity else ("pass", "warn")]


@table(
    ("policy", "namespaces", "abilities"),
    [
        ("AmazonEKSEditPolicy", ("shop",), "create pods and run commands in pods"),
        ("AmazonEKSAdminPolicy", ("sh*",), "create pods and run commands in pods"),
        ("AmazonEKSEditPolicy", (), "create pods and run commands in pods"),
        (
            "AmazonEKSClusterAdminPolicy",
            ("shop",),
            "create pods and create tokens of service accounts and run commands in pods",
        ),
        ("AmazonEKSClusterAdminPolicy", (), ""),
        ("AmazonEKSAdminPolicy", ("web",), ""),
        ("AmazonEKSViewPolicy", (), ""),
    ],
)
def test_access_policies_of_access_entries(policy: str, namespaces: tuple[str, ...], abilities: str) -> None:
    arn = f"arn:aws:eks::aws:cluster-access-policy/{policy}"
    entry = AccessPolicy(f"arn:aws:iam::{ACCOUNT}:role/teams/developers", arn, namespaces)
    (verdict,) = BY_ID["identity-open-to-others"].judge(healthy(access_policies=(entry,)))
    assert (verdict.outcome is Outcome.FAIL, verdict.severity.value) == (
        bool(abilities),
        "info" if abilities else "warn",
    )
    assert verdict.evidence == (
        (f"IAM role developers can {abilities}: {policy} by access entry",) if abilities else ()
    )


def test_access_entries_that_were_not_read_are_unknown_beside_the_rest() -> None:
    snapshot = replace(healthy(grants=(GRANT,)), access_policies=DENIED)
    assert outcomes("identity-open-to-others", snapshot) == {"fail", "unknown"}


@pytest.mark.parametrize(
    ("policies", "severity"),
    [
        (PolicyNames(attached=("arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy",)), "info"),
        (PolicyNames(inline=("x",)), "warn"),
    ],
)
def test_the_role_of_nodes(policies: PolicyNames, severity: str) -> None:
    open_node = {"node-1": Instance(id="i-node-1", hop_limit=2)}
    snapshot = healthy(instances=open_node, node_role_policies={NODE_ROLE_ARN: Known(policies)})
    assert [(outcome, level) for outcome, level, _ in answers("imds-open-to-pods", snapshot)] == [("fail", severity)]
    off = {"node-1": Instance(id="i-node-1", hop_limit=2, metadata=False)}
    assert outcomes("imds-open-to-pods", healthy(instances=off)) == {"pass"}


V1 = Instance(id="i-node-1", hop_limit=1, tokens_required=False)
HOPS = Instance(id="i-node-1", hop_limit=2)
CLOSED_NODE = Instance(id="i-node-1", hop_limit=1)
REACHED = Probed(job="j", node="node-1", redeemed=Redeemed(role_arn=NODE_ROLE_ARN, account=ACCOUNT, session_name="i-1"))
NOT_REACHED = Probed(job="j", node="node-1", message="no credentials")
NOT_PROBED = Probed(job="j", node="node-1", missing=Missing("no image"))


@table(
    ("instance", "probe", "outcome", "severity", "evidence"),
    [
        (V1, None, "fail", "warn", "version 1 of the metadata service is enabled"),
        (replace(V1, metadata=False), None, "pass", "warn", ""),
        (HOPS, REACHED, "fail", "warn", "got credentials of role nodes"),
        (HOPS, NOT_REACHED, "fail", "info", "got no credentials: a network policy"),
        (HOPS, NOT_PROBED, "fail", "warn", "not probed: no image"),
        (CLOSED_NODE, NOT_REACHED, "pass", "warn", ""),
        (CLOSED_NODE, REACHED, "fail", "warn", "got credentials of role nodes"),
        (CLOSED_NODE, NOT_PROBED, "unknown", "warn", ""),
    ],
)
def test_the_metadata_service_by_its_options_and_by_a_probe(
    instance: Instance, probe: Probed | None, outcome: str, severity: str, evidence: str
) -> None:
    probes = {} if probe is None else {"node-1": probe}
    more = {"node_role_policies": {NODE_ROLE_ARN: Known(PolicyNames(inline=("x",)))}, "metadata_probes": probes}
    (verdict,) = BY_ID["imds-open-to-pods"].judge(healthy(instances={"node-1": instance}, **more))
    assert (verdict.outcome.value, verdict.severity.value) == (outcome, severity)
    assert evidence in "; ".join(verdict.evidence)


def test_administrators_are_no_finding() -> None:
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    admin = Principal(f"arn:aws:iam::{ACCOUNT}:user/root", (PolicyDocument("all", document),))
    linked = replace(PIPELINE, arn=f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/eks.amazonaws.com/x")
    assert outcomes("role-passable-by-others", healthy(principals=(admin, linked))) == {"pass"}
    assert outcomes("role-passable-by-others", healthy(principals=(admin, PIPELINE))) == {"fail"}


def test_secrets_that_cannot_be_read() -> None:
    assert outcomes("access-keys-in-cluster", healthy(secret_keys=DENIED)) == {"unknown", "pass"}
    both = healthy(access_keys=(KEY,), secret_keys=(replace(KEY, subject=Subject("Secret", "s", "shop")),))
    assert len(answers("access-keys-in-cluster", both)) == 2


@table(
    ("rules", "subjects"),
    [
        ({}, ()),
        ({"allowed_roles": ("or*", "unused")}, ()),
        ({"allowed_roles": ("arn:aws:iam::*:role/web",)}, ("Association",)),
        ({"allowed_policies": ("other",)}, ("Role",)),
        ({"allowed_policies": ("p",)}, ()),
        ({"allowed_scopes": (ScopeKind.SERVICE_ACCOUNT,)}, ()),
        ({"allowed_scopes": (ScopeKind.NAMESPACE,)}, ("Role",)),
        ({"required_boundary": "limit"}, ("Role",)),
        ({"required_tags": {"team": "*"}}, ("Association", "Role")),
        ({"default_accounts": False}, ()),
    ],
)
def test_the_rules_of_a_guard(rules: dict[str, Any], subjects: tuple[str, ...]) -> None:
    snapshot = replace(guarded(**rules), role_policies=Known({ROLE_ARN: Known(PolicyNames(inline=("p",)))}))
    failed = [item for item in BY_ID["guard-violated"].judge(snapshot) if item.outcome is Outcome.FAIL]
    assert tuple(item.subject.kind for item in failed) == subjects
    assert all(item.evidence[0].startswith("guard.yaml:7: guard.") for item in failed)


def test_each_rule_of_a_guard_is_named_with_its_guard() -> None:
    one, other = (
        Guard(at=Position("a.yaml", 3), allowed_roles=()),
        Guard(at=Position("b.yaml", 4), default_accounts=False),
    )
    account = association(service_account="default")
    snapshot = replace(healthy(associations=(account,)), guards=(one, other))
    (verdict, *_) = BY_ID["guard-violated"].judge(snapshot)
    role_name = ROLE_ARN.rpartition("/")[2]
    assert verdict.evidence == (
        f"a.yaml:3: guard.allowedRoles: role {role_name} is not allowed",
        "b.yaml:4: guard.defaultAccounts: associations of the default service account are not allowed",
    )


def test_a_policy_list_that_a_rule_needs_is_unknown_if_it_was_not_read() -> None:
    snapshot = replace(guarded(allowed_policies=("p",)), role_policies=Known({ROLE_ARN: DENIED}))
    assert outcomes("guard-violated", snapshot) == {"pass", "unknown"}
