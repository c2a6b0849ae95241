"""Service accounts with IRSA, their roles and their stages, from a snapshot."""

from dataclasses import replace
from typing import Any

from checks.builder import ACCOUNT, CLUSTER_ARN, ROLE_ARN, association, bare, cluster, healthy, pod, role, trust
from harness import table
from podid.domain.cluster import Pod, ServiceAccount
from podid.domain.migration import CredentialCounts, Stage
from podid.domain.names import ServiceAccountRef
from podid.domain.plan import Place
from podid.domain.snapshot import Known, Missing, Snapshot
from podid.domain.trust import issuer_statement
from podid.facts.credentials import ROLE_ARN as ROLE_VARIABLE
from podid.ops.migrate.candidates import (
    counts_of,
    digest,
    facts_of,
    find_candidates,
    find_leftovers,
    in_account,
    wished_associations,
)
from podid.ops.reading.scope import DoctorScope

ISSUER = "oidc.eks.eu-west-1.amazonaws.com/id/ABC"
PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{ISSUER}"
PLACE = Place(account=ACCOUNT, region="eu-west-1", cluster=cluster(oidc_issuer=f"https://{ISSUER}"))
ORDERS = ServiceAccountRef("shop", "orders")
ANNOTATED = ServiceAccount(namespace="shop", name="orders", annotations={"eks.amazonaws.com/role-arn": ROLE_ARN})
BY_ISSUER: dict[str, object] = {"Version": "2012-10-17", "Statement": [issuer_statement(PROVIDER, ORDERS)]}
CONDITION = {"StringLike": {f"{ISSUER}:sub": "system:serviceaccount:shop:*", f"{ISSUER}:aud": "sts.amazonaws.com"}}
BY_PATTERN: dict[str, object] = {
    "Version": "2012-10-17",
    "Statement": [{**issuer_statement(PROVIDER, ORDERS), "Condition": CONDITION}],
}
STATEMENTS: Any = trust()["Statement"]


def irsa_pod(name: str = "orders-1", arn: str = ROLE_ARN, **changes: Any) -> Pod:
    """Return a pod with the variables of IRSA."""
    base = bare(pod(name), **changes)
    env = {ROLE_VARIABLE: arn, "AWS_WEB_IDENTITY_TOKEN_FILE": "/var/run/secrets/eks.amazonaws.com/serviceaccount/token"}
    return replace(base, containers=tuple(replace(container, env=env) for container in base.containers))


def irsa(**sections: Any) -> Snapshot:
    """Return a cluster whose only service account uses IRSA."""
    policies = {ROLE_ARN: Known(role(document=BY_ISSUER))}
    defaults = {"associations": (), "service_accounts": (ANNOTATED,), "pods": (irsa_pod(),), "roles": policies}
    return healthy(**{**defaults, **sections})


def test_the_annotation_and_the_variables_of_pods_are_evidence() -> None:
    (candidate,) = find_candidates(irsa(pods=(irsa_pod("a"), irsa_pod("b"), irsa_pod("c", deleting=True))))
    assert (candidate.ref, candidate.role_arn) == (ORDERS, ROLE_ARN)
    assert candidate.evidence == (
        f"annotation eks.amazonaws.com/role-arn: {ROLE_ARN}",
        f"AWS_ROLE_ARN={ROLE_ARN} in 2 running pods",
    )
    assert candidate.workload_names == ("Deployment/shop/orders",)


def test_without_an_annotation_most_pods_name_the_role() -> None:
    pods = (irsa_pod("a", "arn:aws:iam::111122223333:role/old"), irsa_pod("b"), irsa_pod("c"))
    plain = ServiceAccount(namespace="shop", name="orders")
    (candidate,) = find_candidates(irsa(service_accounts=(plain,), pods=pods))
    assert (candidate.role_arn, len(candidate.evidence)) == (ROLE_ARN, 2)
    assert find_candidates(irsa(service_accounts=(plain,), pods=(bare(pod()),))) == ()
    assert find_candidates(irsa(), DoctorScope.of([ServiceAccountRef("shop", "cart")])) == ()


@table(
    ("document", "others", "remains"),
    [
        (BY_ISSUER, False, True),
        (BY_ISSUER, True, True),  # the statement names the service account
        (BY_PATTERN, False, True),
        (BY_PATTERN, True, False),  # the other one needs the pattern
        ({**BY_ISSUER, "Statement": [issuer_statement(PROVIDER.replace("ABC", "X"), ORDERS)]}, False, False),
        (trust(), False, False),
    ],
)
def test_an_association_with_a_statement_of_irsa_is_a_leftover(
    document: dict[str, object], others: bool, remains: bool
) -> None:
    roles = {ROLE_ARN: Known(role(document=document))}
    snapshot = irsa(associations=(association(),), service_accounts=(), pods=(pod(),), roles=roles)
    candidates = [replace(find_candidates(irsa())[0], ref=ServiceAccountRef("shop", "cart"))] if others else []
    assert [item.ref for item in find_leftovers(snapshot, PLACE, candidates)] == ([ORDERS] if remains else [])


def test_a_candidate_is_no_leftover() -> None:
    snapshot = irsa(associations=(association(),))
    assert find_leftovers(snapshot, PLACE, find_candidates(snapshot)) == ()


BOTH = {"Version": "2012-10-17", "Statement": [issuer_statement(PROVIDER, ORDERS), *STATEMENTS]}


@table(
    ("document", "associated", "pods", "stage"),
    [
        (BY_ISSUER, False, (irsa_pod(),), Stage.OLD),
        (BOTH, False, (irsa_pod(),), Stage.ADMITTED),
        (BOTH, True, (irsa_pod(), pod()), Stage.ASSOCIATED),
        (BOTH, True, (pod(),), Stage.MOVED),
        (BOTH, True, (), Stage.MOVED),
    ],
)
def test_the_stage_of_a_service_account(
    document: dict[str, object], associated: bool, pods: tuple[Pod, ...], stage: Stage
) -> None:
    own = (association(),) if associated else ()
    snapshot = irsa(associations=own, pods=pods, roles={ROLE_ARN: Known(role(document=document))})
    (candidate,) = find_candidates(snapshot)
    facts = facts_of(snapshot, PLACE, candidate)
    assert (facts.stage, facts.by_issuer) == (stage, True)
    assert replace(facts, proven=True).stage is (Stage.PROVEN if stage is Stage.MOVED else stage)


def test_running_pods_are_counted_by_their_credentials() -> None:
    pods = (irsa_pod("a"), pod("b"), bare(pod("c")), pod("d", deleting=True))
    assert counts_of(irsa(), pods) == CredentialCounts(total=3, pod_identity=1, irsa=1, other=1)


def test_a_container_that_sets_the_variables_of_irsa_counts() -> None:
    """It would get no credentials without the trust statement of the OIDC provider."""
    (own,) = irsa_pod().containers
    beside = replace(pod("a"), containers=(*pod().containers, replace(own, name="exporter")))
    skipped = irsa_pod("b", labels={"eks.amazonaws.com/skip-pod-identity-webhook": "true"})
    out = replace(bare(pod("c")), labels=skipped.labels)
    assert counts_of(irsa(), (beside, skipped, out)) == CredentialCounts(total=2, irsa=2)


def test_a_role_that_cannot_be_read_is_unknown() -> None:
    snapshot = irsa(roles={ROLE_ARN: Missing("not allowed", "iam:GetRole")})
    facts = facts_of(snapshot, PLACE, find_candidates(snapshot)[0])
    assert (facts.allowed, facts.by_issuer, facts.stage) == (None, None, Stage.OLD)


def test_associations_are_planned_for_roles_of_the_account() -> None:
    (candidate,) = find_candidates(irsa())
    foreign = replace(candidate, role_arn="arn:aws:iam::444455556666:role/far")
    (action,) = wished_associations(PLACE, [candidate, foreign], irsa()).actions
    assert action.after is not None
    assert action.after["roleArn"] == ROLE_ARN
    assert wished_associations(PLACE, [candidate], irsa(associations=(association(),))).actions == ()
    assert [in_account(arn, PLACE) for arn in (ROLE_ARN, foreign.role_arn, "orders")] == [True, False, False]


def test_a_digest_does_not_depend_on_the_order_of_members() -> None:
    assert digest({"a": 1, "b": [1, 2]}) == digest({"b": [1, 2], "a": 1})
    assert digest({"a": 1}) != digest({"a": 2})
    assert PLACE.the_cluster.arn == CLUSTER_ARN
