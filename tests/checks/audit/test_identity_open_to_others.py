from dataclasses import replace

from checks.builder import ACCOUNT, DENIED, healthy
from checks.grid import answers, outcomes
from harness import table
from podid.checks.all import BY_ID
from podid.domain.aws import AccessPolicy
from podid.domain.exposure import BY_GET, EXEC, OF_NODES, IdentityGrant
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
            "create pods and create tokens of service accounts and run commands in pods",
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


def test_access_entries_that_were_not_read_are_unknown_beside_the_rest() -> None:
    snapshot = replace(healthy(grants=(GRANT,)), access_policies=DENIED)
    assert outcomes(ID, snapshot) == {"fail", "unknown"}
