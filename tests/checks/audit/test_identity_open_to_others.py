from dataclasses import replace
from typing import Any

from checks.builder import ACCOUNT, DENIED, healthy
from checks.grid import answers, outcomes
from harness import table
from podid.checks.all import BY_ID
from podid.domain.aws import AccessPolicy
from podid.domain.exposure import ACT_AS, BIND, BY_GET, ESCALATE, EXEC, OF_NODES, TOKENS, IdentityGrant, NamedAbility
from podid.domain.findings import Outcome, Subject
from podid.domain.snapshot import Known, known

from .worlds import GRANT

ID = "identity-open-to-others"
FAILS = healthy(grants=(GRANT,))
UNKNOWN = healthy(grants=DENIED)
FINDINGS = [("fail", "info", "Namespace shop")]
UNKNOWNS = [("unknown", "warn", "Cluster prod")]


@table(
    ("grant", "severity"),
    [
        (GRANT, "info"),
        (replace(GRANT, subject=Subject("Group", "system:authenticated")), "warn"),
        (replace(GRANT, subject=Subject("Group", "system:serviceaccounts"), namespace=""), "warn"),
        (replace(GRANT, subject=Subject("Group", "system:serviceaccounts:web"), namespace=""), "info"),
        (replace(GRANT, subject=Subject("Group", "system:serviceaccounts:shop"), namespace=""), ""),
        (replace(GRANT, subject=Subject("Group", "system:serviceaccounts:kube-system"), namespace=""), ""),
        (replace(GRANT, subject=Subject("User", "ada")), "info"),
        # requests without credentials have this user
        (replace(GRANT, subject=Subject("User", "system:anonymous")), "warn"),
        # service accounts as users
        (replace(GRANT, subject=Subject("User", "system:serviceaccount:build:ci")), "info"),
        (replace(GRANT, subject=Subject("User", "system:serviceaccount:shop:ci")), ""),
        (replace(GRANT, subject=Subject("User", "system:serviceaccount:kube-system:x"), namespace=""), ""),
        (replace(GRANT, subject=Subject("ServiceAccount", "ci", "build")), "info"),
        (replace(GRANT, subject=Subject("ServiceAccount", "ci", "shop")), ""),
        (replace(GRANT, subject=Subject("ServiceAccount", "job-controller", "kube-system"), namespace=""), ""),
        (replace(GRANT, subject=Subject("Group", "system:masters"), namespace=""), ""),
        (replace(GRANT, subject=Subject("User", "system:node:ip-10-0-1-11"), namespace=""), ""),
        (replace(GRANT, namespace="other"), ""),
    ],
)
def test_subjects_of_grants(grant: IdentityGrant, severity: str) -> None:
    answer = answers(ID, healthy(grants=(grant,)))
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
            f"create pods and create tokens of service accounts and run commands in pods and {BIND} and {ESCALATE}",
        ),
        ("AmazonEKSClusterAdminPolicy", (), ""),
        ("AmazonEKSAdminPolicy", ("web",), ""),
        ("AmazonEKSViewPolicy", (), ""),
        # get on all resources, in a cluster with Kubernetes 1.34
        ("AmazonEKSAdminViewPolicy", ("shop",), BY_GET),
        ("AmazonEKSAdminViewPolicy", (), f"{BY_GET} and {OF_NODES}"),
    ],
)
def test_access_policies_of_access_entries(policy: str, namespaces: tuple[str, ...], abilities: str) -> None:
    arn = f"arn:aws:eks::aws:cluster-access-policy/{policy}"
    entry = AccessPolicy(f"arn:aws:iam::{ACCOUNT}:role/teams/developers", arn, namespaces)
    (verdict,) = BY_ID[ID].judge(healthy(access_policies=(entry,)))
    assert (verdict.outcome is Outcome.FAIL, verdict.severity.value) == (
        bool(abilities),
        "info" if abilities else "warn",
    )
    assert verdict.evidence == (
        (f"IAM role developers can {abilities}: {policy} by access entry",) if abilities else ()
    )


@table(
    ("abilities", "version", "words"),
    [
        ((BY_GET,), "1.34", BY_GET),
        ((BY_GET,), "1.35", ""),
        ((EXEC, BY_GET), "1.34", EXEC),
        ((EXEC, BY_GET), "1.35", EXEC),
    ],
)
def test_get_requests_run_commands_before_kubernetes_1_35(abilities: tuple[str, ...], version: str, words: str) -> None:
    snapshot = healthy(grants=(replace(GRANT, abilities=abilities),))
    cluster = Known(replace(known(snapshot.cluster), version=version))
    (verdict,) = BY_ID[ID].judge(replace(snapshot, cluster=cluster))
    assert [f" can {words}: " in line for line in verdict.evidence] == ([True] if words else [])


def by_name(ability: str, resource: str, *names: str, **changes: Any) -> IdentityGrant:
    return replace(GRANT, abilities=(), named=(NamedAbility(ability, resource, names),), **changes)


CONTROLLER = replace(GRANT, subject=Subject("ServiceAccount", "job-controller", "kube-system"), namespace="")
ADA = replace(GRANT, subject=Subject("User", "ada"))


@table(
    ("grants", "words"),
    [
        ((by_name(TOKENS, "serviceaccounts/token", "orders", "web"),), f"{TOKENS} (serviceaccounts/token orders)"),
        ((by_name(TOKENS, "serviceaccounts/token", "web"),), ""),
        ((by_name(TOKENS, "serviceaccounts/token", "orders", namespace="web"),), ""),
        # the template of the pods names the service account
        ((by_name("create pods", "deployments", "front"),), "create pods (deployments front)"),
        ((by_name(EXEC, "pods/exec", "orders-0"),), f"{EXEC} (pods/exec orders-0)"),
        ((by_name(BY_GET, "pods/exec", "orders-0"),), f"{BY_GET} (pods/exec orders-0)"),
        ((by_name(BIND, "clusterroles", "admin"),), f"{BIND} (clusterroles admin)"),
        ((by_name(ESCALATE, "roles", "deployer"),), f"{ESCALATE} (roles deployer)"),
        # only those who can get the identity are worth to act as
        ((by_name(ACT_AS, "users", "ada", namespace=""), ADA), f"{ACT_AS} (users ada)"),
        ((by_name(ACT_AS, "users", "bob", namespace=""), ADA), ""),
        ((by_name(ACT_AS, "groups", "ada", namespace=""), ADA), ""),
        ((by_name(ACT_AS, "users", "ada", namespace=""), replace(ADA, namespace="web")), ""),
        (
            (by_name(ACT_AS, "serviceaccounts", "job-controller", namespace=""), CONTROLLER),
            f"{ACT_AS} (serviceaccounts job-controller)",
        ),
        ((by_name(ACT_AS, "serviceaccounts", namespace="kube-system"), CONTROLLER), f"{ACT_AS} (serviceaccounts)"),
        ((by_name(ACT_AS, "serviceaccounts", namespace="web"), CONTROLLER), ""),
        (
            (by_name(ACT_AS, "users", "system:serviceaccount:kube-system:job-controller", namespace=""), CONTROLLER),
            f"{ACT_AS} (users system:serviceaccount:kube-system:job-controller)",
        ),
        (
            (
                by_name(ACT_AS, "groups", "system:masters", namespace=""),
                replace(GRANT, subject=Subject("Group", "system:masters")),
            ),
            f"{ACT_AS} (groups system:masters)",
        ),
    ],
)
def test_abilities_on_named_objects(grants: tuple[IdentityGrant, ...], words: str) -> None:
    (verdict,) = BY_ID[ID].judge(healthy(grants=grants))
    own = [line for line in verdict.evidence if line.startswith("group developers")]
    assert own == ([f"group developers can {words}: Role deployer by RoleBinding shop/deployer"] if words else [])


def test_access_entries_that_were_not_read_are_unknown_beside_the_rest() -> None:
    snapshot = replace(healthy(grants=(GRANT,)), access_policies=DENIED)
    assert outcomes(ID, snapshot) == {"fail", "unknown"}
