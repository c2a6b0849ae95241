"""Service accounts whose pods get credentials from kiam or kube2iam: one item for each role of each."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from checks.builder import ACCOUNT, healthy, workload
from cluster_api import Json
from harness import table
from ops.migrate.worlds import CREATE, Proxies
from podid.domain.metadata_proxies import ALLOWED, PERMITTED, ROLE, PodTemplate, find_proxies, flags_of, program_of
from podid.domain.migration import MigrationItem
from podid.domain.snapshot import Known, Missing, Section
from podid.ops.migrate.candidates import MigrationCandidate
from podid.ops.migrate.metadata_proxies import Bindings, ProxyReading, agents_of, uses_of
from podid.ops.reading.scope import EVERYTHING
from podid.sandbox.proxy_samples import NAMESPACE
from worlds import Site

PREFIX = f"arn:aws:iam::{ACCOUNT}:role/"
KUBE2IAM = ("kube2iam", f"--base-role-arn={PREFIX}", "--namespace-restrictions")
KIAM = ("/kiam", "server", "--role-base-arn-autodetect", f"--assume-role-arn={PREFIX}kiam-server")


def agent(*words: str) -> PodTemplate:
    subject = workload("DaemonSet", "agent", namespace="kube-system", service_account="agent")
    return PodTemplate(workload=subject, flags=flags_of(words), runs=program_of((), words))


def uses(name: str, role: str, **changes: Any) -> PodTemplate:
    """Return a Deployment, by default with a service account of its own name, whose pods use the role."""
    subject = workload(name=name, **{"service_account": name, **changes})
    return PodTemplate(workload=subject, annotations={ROLE: role} if role else {})


def reading(*templates: PodTemplate, words: tuple[str, ...] = KUBE2IAM, **more: Any) -> ProxyReading:
    every = (agent(*words), *templates)
    proxies = find_proxies(every, partition="aws", account=ACCOUNT)
    permitted = {("", "shop"): {ALLOWED: '["*"]', PERMITTED: ".*"}}
    return ProxyReading(proxies=proxies, templates=every, **{"namespaces": permitted, **more})


def items(read: ProxyReading, *, create: bool = False) -> tuple[list[MigrationCandidate], list[MigrationItem]]:
    roles = uses_of(read, healthy(pods=()))
    assert roles is not None
    return roles.candidates(EVERYTHING, (), create=create)


@table(
    ("words", "text", "arn"),
    [
        (KUBE2IAM, "apps-web", f"{PREFIX}apps-web"),
        (KUBE2IAM, f"{PREFIX}apps-web", f"{PREFIX}apps-web"),
        (KUBE2IAM, " apps-web ", f"{PREFIX}apps-web"),
        (KIAM, "/team/apps-web", f"{PREFIX}team/apps-web"),
    ],
)
def test_names_and_arns(words: tuple[str, ...], text: str, arn: str) -> None:
    (candidate,), blocked = items(reading(uses("web", text), words=words))
    assert (candidate.role_arn, str(candidate.ref), blocked) == (arn, "shop/web", [])


def test_a_base_role_arn_that_is_detected() -> None:
    (candidate,), _ = items(reading(uses("web", "apps-web"), words=KIAM))
    assert candidate.evidence == (
        f"annotation {ROLE}: apps-web of Deployment shop/web",
        f"base role ARN {PREFIX} (detected by DaemonSet kube-system/agent from the instance profile)",
    )


@table(
    ("words", "text", "permitted"),
    [
        (KUBE2IAM, '["apps-*"]', True),
        (KUBE2IAM, '["other-*"]', False),
        (KUBE2IAM, "", False),
        (KUBE2IAM, f'["{PREFIX}apps-web"]', True),
        (KUBE2IAM, '["apps-we?"]', False),
        ((*KUBE2IAM, "--namespace-restriction-format=regexp"), '["apps-we."]', True),
        ((*KUBE2IAM, "--namespace-restrictions=false"), '["other-*"]', True),
        (KUBE2IAM, "{", None),
        (KIAM, ".*:role/apps-.*", True),
        (KIAM, "apps-.*", False),
        ((*KIAM, "--disable-strict-namespace-regexp"), "apps-.*", True),
        (KIAM, "", False),
        (KIAM, "(", None),
    ],
)
def test_roles_that_a_namespace_permits(words: tuple[str, ...], text: str, permitted: bool | None) -> None:
    key = PERMITTED if words[0] == "/kiam" else ALLOWED
    read = reading(uses("web", "apps-web"), words=words, namespaces={("", "shop"): {key: text}})
    (candidate,), _ = items(read)
    assert [blocker.id for blocker in candidate.blockers] == (["role-not-permitted"] if permitted is False else [])
    assert candidate.unknown == ((f"the annotation {key} of namespace shop",) if permitted is None else ())


def test_a_workload_without_a_role_beside_one_with() -> None:
    (candidate,), _ = items(reading(uses("web", "apps-web"), uses("quiet", "", service_account="web")))
    (caution,) = candidate.cautions
    assert caution.id == "needs-service-account"
    assert caution.message.startswith("Deployment shop/quiet also runs as shop/web")


def test_several_roles_of_one_service_account_are_blocked() -> None:
    candidates, blocked = items(reading(uses("web", "apps-web"), uses("more", "apps-more", service_account="web")))
    assert candidates == []
    assert {(str(item.ref), item.role_arn.removeprefix(PREFIX)): [b.id for b in item.blockers] for item in blocked} == {
        ("shop/web", "apps-more"): ["needs-service-account"],
        ("shop/web", "apps-web"): ["needs-service-account"],
    }


SHARED = (uses("reader", "apps-reader", service_account="default"), uses("writer", "w", service_account="default"))


def test_each_workload_gets_a_service_account() -> None:
    candidates, blocked = items(reading(*SHARED), create=True)
    assert [(str(c.ref), c.copy_of, c.role_arn.removeprefix(PREFIX), c.blockers) for c in candidates] == [
        ("shop/reader", "default", "apps-reader", ()),
        ("shop/writer", "default", "w", ()),
    ]
    assert blocked == []


def test_an_agent_serves_workloads_until_their_annotations_are_removed() -> None:
    read = reading(*SHARED)
    subjects = [template.subject for template in SHARED]
    (both,) = agents_of(read, uses_of(read, healthy(pods=())))
    (one,) = agents_of(read, uses_of(read, healthy(pods=())), subjects[:1])
    (none,) = agents_of(read, uses_of(read, healthy(pods=())), subjects)
    assert [len(served.serves) for served in (both, one, none)] == [2, 1, 0]
    assert (one.unneeded, none.unneeded) == ((), (("kubectl", "annotate", "namespace", "shop", f"{ALLOWED}-"),))


def test_each_agent_serves_the_workloads_with_its_own_annotation() -> None:
    key = "example.com/role"
    kiam, other = agent(*KIAM), uses("reader", "")
    other = replace(other, annotations={key: "apps-reader"})
    read = reading(kiam, other, uses("writer", "apps-writer"), words=(*KUBE2IAM, f"--iam-role-key={key}"))
    served = {item.source: item.serves for item in agents_of(read, uses_of(read, healthy(pods=())))}
    assert served == {"kube2iam": ("Deployment/shop/reader",), "kiam": ("Deployment/shop/writer",)}
    without = reading(kiam, other, words=(*KUBE2IAM, f"--iam-role-key={key}"))
    assert [item.serves for item in agents_of(without, uses_of(without, healthy(pods=())))][1] == ()


@table(
    ("change", "words"),
    [
        (
            {"owner": "Helm release shop"},
            "Helm release shop manages Deployment shop/reader: set serviceAccountName there",
        ),
        ({"workload": workload(name="reader", service_account="default", paused=True)}, "does not replace its pods"),
        ({"workload": workload("Rollout", "reader", service_account="default")}, "podid does not change Rollout shop"),
    ],
)
def test_workloads_that_podid_does_not_change(change: Mapping[str, Any], words: str) -> None:
    candidates, blocked = items(reading(replace(SHARED[0], **change), SHARED[1]), create=True)
    assert [str(c.ref) for c in candidates] == ["shop/writer"]
    (blocker,) = blocked[0].blockers
    assert (blocker.id, blocker.way_out, words in blocker.message) == ("needs-service-account", (), True), blocker


def test_a_name_that_is_taken() -> None:
    candidates, blocked = items(reading(*SHARED, uses("other", "", service_account="reader")), create=True)
    assert [str(c.ref) for c in candidates] == ["shop/writer"]
    assert "shop/reader already belongs to Deployment shop/other" in blocked[0].blockers[0].message


@table(
    ("section", "cautions", "unknown"),
    [
        (Known({}), 0, 0),
        (Missing("not allowed", "rolebindings list"), 0, 1),
    ],
)
def test_role_bindings_of_the_previous_service_account(section: Section[Bindings], cautions: int, unknown: int) -> None:
    candidates, _ = items(reading(*SHARED, bindings={"shop": section}), create=True)
    assert [(len(c.cautions), len(c.unknown)) for c in candidates] == [(cautions, unknown)] * 2
    if unknown:
        assert candidates[0].unknown == ("RoleBindings of shop/default (needs rolebindings list)",)


# --- the same in a cluster --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def planned(_kept: Site) -> Mapping[tuple[str, str], Json]:
    """Return the items of workloads that share a service account, with --create-service-accounts."""
    proxies = Proxies(_kept)
    for name, kind in (
        ("reader", "Deployment"),
        ("writer", "Deployment"),
        ("nightly", "CronJob"),
        ("free", "Deployment"),
    ):
        proxies.one(name, account="default", kind=kind)
    release = {"meta.helm.sh/release-name": "shop", "meta.helm.sh/release-namespace": NAMESPACE}
    path = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/writer"
    proxies.patch(path, {"metadata": {"annotations": release}})
    _kept.cluster.make_account(NAMESPACE, "reader")
    proxies.samples.one("other", "", account="reader")
    pod = {"metadata": {"name": "bare", "annotations": {ROLE: proxies.samples.role("apps-bare")}}}
    spec = {"serviceAccountName": "default", "containers": [{"name": "app", "image": "busybox"}]}
    _kept.cluster.post(f"/api/v1/namespaces/{NAMESPACE}/pods", {**pod, "spec": spec})
    _kept.wait(30)
    subject = {"kind": "ServiceAccount", "name": "default", "namespace": NAMESPACE}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"}
    path = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{NAMESPACE}/rolebindings"
    _kept.cluster.post(path, {"metadata": {"name": "viewers"}, "subjects": [subject], "roleRef": role})
    return proxies.items(CREATE)


def test_workloads_get_a_service_account_if_podid_can_change_them(planned: Mapping[tuple[str, str], Json]) -> None:
    messages = {key: " ".join(b["message"] for b in item["blockers"]) for key, item in planned.items()}
    assert (messages.pop(("nightly", "apps-nightly")), messages.pop(("free", "apps-free"))) == ("", "")
    for name, words in (
        ("bare", "podid does not change Pod apps/bare"),
        ("reader", "service account apps/reader already belongs to Deployment apps/other"),
        ("writer", "Helm release shop in namespace apps manages Deployment apps/writer"),
    ):
        assert words in messages.pop(("default", f"apps-{name}")), name
    assert messages == {}


def test_an_item_with_its_own_service_account(planned: Mapping[tuple[str, str], Json]) -> None:
    item = planned["free", "apps-free"]
    (warning,) = item["warnings"]
    assert "podid does not copy RoleBinding apps/viewers" in warning["message"]
    actions = [step["action"] for step in item["steps"]]
    assert (item["copyOf"], actions) == ("default", ["create", "allow", "associate", "patch", "verify", "finish"])


def test_a_service_account_with_several_roles_cannot_be_accepted(
    planned: Mapping[tuple[str, str], Json], shared: Site
) -> None:
    outcome = shared("migrate", "apply", "-n", NAMESPACE, "--accept", "needs-service-account", "--yes")
    assert (outcome.code, "blocked; see podid migrate plan" in outcome.stderr) == (6, True), outcome
