"""Changes of pod templates, and the edits of templates that other tools manage."""

import pytest

from checks.builder import ACCOUNT, NODE_ROLE_ARN, healthy, role, workload
from harness import table
from podid.domain.errors import AccessDenied
from podid.domain.findings import Subject
from podid.domain.metadata_proxies import EXTERNAL_ID, ROLE, MetadataProxy, PodTemplate
from podid.domain.migration import OlderWay
from podid.domain.names import ServiceAccountRef
from podid.domain.plan import Header, Plan
from podid.domain.snapshot import Missing
from podid.ops.migrate.candidates import MigrationCandidate
from podid.ops.migrate.proxy_changes import (
    OF_NODES,
    known_principals,
    owned_templates,
    principals_of,
    rolled_out,
    template_edit_words,
    template_patch,
    with_own_accounts,
    without_annotations,
)

SERVER = f"arn:aws:iam::{ACCOUNT}:role/kiam-server"
EMPTY = Plan(header=Header(caller_arn="", account=ACCOUNT, region="eu-west-1", cluster="prod"), actions=())


def template(kind: str = "Deployment", owner: str = "") -> PodTemplate:
    return PodTemplate(workload=workload(kind), annotations={ROLE: "orders", EXTERNAL_ID: "x"}, owner=owner)


def proxy(principal: str = "") -> MetadataProxy:
    return MetadataProxy(source=OlderWay.KIAM, workloads=(), base="", base_words="", principal=principal)


def test_service_accounts_are_created_first_and_templates_changed_last() -> None:
    candidates = [
        MigrationCandidate(ServiceAccountRef("shop", name), "", (), None, (), templates=(template(),), copy_of=copied)
        for name, copied in (("own", "orders"), ("default", "orders"), ("orders", ""))
    ]
    plan = with_own_accounts(EMPTY, candidates, healthy())
    # service account default exists already, and orders keeps its workloads
    assert [(action.kind, action.target) for action in plan.actions] == [
        ("service-account", "shop/own"),
        ("pod-template", "shop/Deployment/orders"),
        ("pod-template", "shop/Deployment/orders"),
    ]
    assert [action.after["serviceAccount"] for action in plan.actions[1:] if action.after] == ["own", "default"]


def test_only_rollouts_replace_pods() -> None:
    lazy = [workload("DaemonSet", on_delete=True), workload("StatefulSet", on_delete=True), workload(paused=True)]
    templates = [template(), template("Job"), template("CronJob"), PodTemplate(workload=workload("StatefulSet"))]
    templates += [PodTemplate(workload=item, annotations={ROLE: "orders"}) for item in lazy]
    assert rolled_out(templates[:-1]) == {Subject("Deployment", "orders", "shop")}
    assert rolled_out(templates[-1:]) == set()


def test_annotations_are_removed_from_templates_that_can_change() -> None:
    bare = PodTemplate(workload=workload("StatefulSet"))
    actions = without_annotations([template(), template("Job"), template("CronJob"), bare])
    assert [(action.keys["kind"], action.after and action.after["annotations"]) for action in actions] == [
        ("Deployment", {}),
        ("CronJob", {}),
    ]


def test_the_agent_assumes_roles_by_its_own_role_or_those_of_the_nodes() -> None:
    snapshot = healthy(other_node_roles={"arn:aws:iam::111122223333:role/karpenter": ("node-2",), "": ()})
    assert principals_of(proxy(SERVER), snapshot) == {SERVER}
    assert principals_of(proxy(), snapshot) == {NODE_ROLE_ARN, role("arn:aws:iam::111122223333:role/karpenter").arn}
    for section in OF_NODES:
        unread = healthy(**{section: Missing("not allowed", "eks:ListNodegroups", "AccessDenied")})
        with pytest.raises(AccessDenied, match="not allowed"):
            known_principals(proxy(), unread)
        assert known_principals(proxy(SERVER), unread) == {SERVER}
    assert known_principals(proxy(), snapshot) == principals_of(proxy(), snapshot)


@table(
    ("owner", "words"),
    [
        ("Helm release shop in namespace shop", "in the chart's values, such as podAnnotations"),
        ("Argo CD application web", "in the application's source repository"),
        ("Flux Kustomization apps", "in its source repository"),
        ("Terraform", "in the pod template of its resource"),
        ("field manager pulumi", "in its manifest"),
    ],
)
def test_the_edit_of_a_template_that_another_tool_manages(owner: str, words: str) -> None:
    owned = owned_templates([template(owner=owner), template(), PodTemplate(workload=workload(), owner=owner)])
    assert template_edit_words(owned) == f"{owner} manages Deployment shop/orders: remove {ROLE}, {EXTERNAL_ID} {words}"


@table(("kind", "version"), [("Deployment", "apps/v1"), ("CronJob", "batch/v1")])
def test_a_patch_removes_the_annotations(kind: str, version: str) -> None:
    change = {"template": {"metadata": {"annotations": {ROLE: None, EXTERNAL_ID: None}}}}
    assert template_patch(template(kind)) == {
        "apiVersion": version,
        "kind": kind,
        "metadata": {"name": "orders", "namespace": "shop"},
        "spec": {"jobTemplate": {"spec": change}} if kind == "CronJob" else change,
    }
    assert template(kind).subject == Subject(kind, "orders", "shop")
