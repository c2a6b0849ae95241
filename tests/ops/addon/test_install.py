"""`podid addon install`, and the recommended roles of all add-ons: one plan, one run, one undo."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from ops.change.support import account_state, writes
from podid.domain.aws import Addon
from podid.domain.cluster import FieldWriters
from podid.domain.errors import AccessDenied
from podid.kube.reader import KubeReader
from podid.ops.addon.conflicts import conflict_notes
from podid.ops.clients import KubeAccess
from worlds import ACCOUNT, Site

ADOT, SPACE = "adot", "opentelemetry-operator-system"
METRICS, TRACES, LOGS = "adot-col-prom-metrics", "adot-col-otlp-ingest", "adot-col-container-logs"
EBS = "aws-ebs-csi-driver"
API = ("--wait", "api", "-o", "json")


def roles(site: Site, addon: str) -> dict[str, str]:
    cluster = site.box.world.clusters["demo"]
    owned = [cluster.associations[each] for each in cluster.addons[addon].association_ids]
    return {item.service_account: item.role_arn.rpartition("/")[2] for item in owned}


def kinds(document: Any) -> list[str]:
    return [item["kind"] for item in document["actions"]]


def test_an_add_on_comes_with_its_roles(account: Site) -> None:
    before = account_state(account.box)
    account.box.world.delays.role = 5.0
    line = ("addon", "install", ADOT, "--role", f"{METRICS}=storefront", "--recommended", *API)
    planned = account(*line, "--dry-run")
    assert (planned.code, account_state(account.box)) == (0, before)
    done = account.must(*line).json
    assert kinds(done) == ["role", "role-attachment"] * 2 + ["addon"]
    assert roles(account, ADOT)[METRICS] == "storefront"
    assert set(roles(account, ADOT)) == {METRICS, TRACES, LOGS}
    count = writes(account.box)
    again = account.must(*line).json
    assert ({item["status"] for item in again["actions"]}, writes(account.box)) == ({"unchanged"}, count)
    account.must("undo", "last", "--yes", "--wait", "api")
    account.wait(30)
    assert account_state(account.box) == before


def test_an_update_comes_first_and_the_roles_follow(account: Site) -> None:
    account.must("addon", "install", "vpc-cni", "--addon-version", "v1.20.4-eksbuild.2", *API)
    done = account.must("addon", "install", "vpc-cni", "--addon-version", "latest", "--recommended", *API).json
    assert kinds(done) == ["role", "role-attachment", "addon", "addon-associations"]
    assert (account.box.world.clusters["demo"].addons["vpc-cni"].version, len(roles(account, "vpc-cni"))) == (
        "v1.21.1-eksbuild.3",
        1,
    )


@pytest.mark.parametrize(
    ("argv", "code", "message"),
    [
        (("vpc-cnii",), 5, "EKS offers no add-on vpc-cnii for Kubernetes 1.35; did you mean vpc-cni?"),
        (("eks-pod-identity-agent",), 2, "podid install-agent installs eks-pod-identity-agent"),
        (("vpc-cni", "--addon-version", "v9"), 5, "vpc-cni v9 does not exist for Kubernetes 1.35"),
        (("vpc-cni", "--role", "aws-node"), 2, "--role 'aws-node' is not SA=ROLE"),
        (("vpc-cni", "--role", "aws-node=nosuch"), 5, "Role nosuch does not exist"),
        (("vpc-cni", "--role", "aws-nod=storefront"), 6, "does not support Pod Identity for aws-nod"),
        (("vpc-cni", "--config", "replicaCount=many"), 2, "does not accept this configuration"),
    ],
)
def test_what_cannot_be_installed(account: Site, argv: tuple[str, ...], code: int, message: str) -> None:
    refused = account("addon", "install", *argv)
    assert (refused.code, refused.stdout, writes(account.box)) == (code, "", 0), refused
    assert message in refused.stderr


def test_a_standing_association_is_replaced_only_if_asked(account: Site) -> None:
    account.aws("eks").create_pod_identity_association(
        clusterName="demo",
        namespace="kube-system",
        serviceAccount="aws-node",
        roleArn=f"arn:aws:iam::{ACCOUNT}:role/storefront",
    )
    line = ("addon", "install", "vpc-cni", "--role", "aws-node=orders-dynamodb")
    count = writes(account.box)
    refused = account(*line)
    assert (refused.code, writes(account.box)) == (6, count), refused
    account.must(*line, "--replace", *API)
    assert roles(account, "vpc-cni") == {"aws-node": "orders-dynamodb"}


def test_roles_of_an_add_on_that_is_refused_are_rolled_back(account: Site) -> None:
    before = account_state(account.box)
    account.box.world.credentials.deny("eks:CreateAddon")
    refused = account("addon", "install", ADOT, "--recommended", "-o", "json")
    assert (refused.code, refused.stdout, account_state(account.box)) == (4, "", before), refused
    assert refused.error["advice"].endswith("which this run created, were deleted.")
    account.box.world.credentials.allow_again()
    account.box.world.credentials.deny("eks:UpdateAddon")
    refused = account("addon", "associate", EBS, "--recommended", "-o", "json")
    assert (refused.code, account_state(account.box)) == (4, before), refused


def test_the_recommended_roles_of_all_add_ons(account: Site) -> None:
    eks = account.aws("eks")
    eks.create_addon(clusterName="demo", addonName=ADOT)
    eks.create_addon(clusterName="demo", addonName="coredns")
    irsa = f"arn:aws:iam::{ACCOUNT}:role/storefront"
    eks.create_addon(clusterName="demo", addonName="vpc-cni", serviceAccountRoleArn=irsa)
    eks.create_pod_identity_association(clusterName="demo", namespace=SPACE, serviceAccount=METRICS, roleArn=irsa)
    account.wait(30)
    before = account_state(account.box)
    done = account.must("addon", "associate", "--recommended", "--all", *API).json
    assert kinds(done) == [
        *(["role", "role-attachment"] * 2 + ["addon-associations"]),
        *("role", "role-attachment", "addon-associations"),
    ]
    assert (set(roles(account, ADOT)), len(roles(account, EBS)), roles(account, "vpc-cni")) == ({TRACES, LOGS}, 1, {})
    notes = " ".join(done["notes"])
    assert f"{SPACE}/{METRICS} is skipped: its association a-" in notes
    assert f"add-on vpc-cni is skipped: it has the IRSA role {irsa}" in notes
    account.wait(30)
    again = account.must("addon", "associate", "--recommended", "--all", *API).json
    assert again["actions"] == []
    account.must("undo", "last", "--yes", "--wait", "api")
    assert account_state(account.box) == before


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (("--all", "--role", "storefront"), "--all requires --recommended, and no add-on"),
        ((EBS, "--all", "--recommended"), "--all requires --recommended, and no add-on"),
        (("--recommended",), "Specify the add-on, or all of them: --recommended --all"),
    ],
)
def test_options_that_do_not_fit(account: Site, argv: tuple[str, ...], message: str) -> None:
    refused = account("addon", "associate", *argv)
    assert (refused.code, writes(account.box)) == (2, 0)
    assert message in refused.stderr


# --- conflicts of an update -------------------------------------------------------------------------------------------

LIMITS = "spec.template.spec.containers[name=aws-node].resources.limits.memory"
CNI = Addon(name="vpc-cni", arn="a", version="v1", status="ACTIVE", namespace="kube-system")


def written(name: str, instance: str, **set_by: tuple[str, ...]) -> FieldWriters:
    return FieldWriters("DaemonSet", "kube-system", name, {"app.kubernetes.io/instance": instance}, set_by)


def notes(*objects: FieldWriters, chosen: str = "none") -> tuple[str, ...]:
    reader = SimpleNamespace(list_written=lambda namespace: objects)
    return conflict_notes(cast("KubeAccess", SimpleNamespace(reader=reader)), CNI, chosen)


def test_every_way_to_resolve_conflicts_is_previewed() -> None:
    edited = written("aws-node", "aws-vpc-cni", eks=("spec",), edit=(LIMITS,))
    other = written("kube-proxy", "kube-proxy", eks=("spec",), edit=("metadata.labels.a",))
    helm = written("cni", "vpc-cni", helm=("spec",))
    (note,) = notes(edited, other, helm)
    assert note == (
        f"DaemonSet kube-system/aws-node: edit has set {LIMITS}; with --resolve-conflicts none: the update fails if "
        "the new version changes them. preserve: they stay. overwrite: EKS resets those that the add-on sets"
    )
    assert "with --resolve-conflicts overwrite: EKS resets" in notes(edited, chosen="overwrite")[0]
    assert notes(written("aws-node", "aws-vpc-cni", eks=("spec",))) == ()
    assert notes(other) == (
        "podid does not recognize the objects of add-on vpc-cni: fields that others have set are not known",
    )


def test_conflicts_that_cannot_be_read_are_unknown(healthy: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    assert healthy("install-agent", "--addon-version", "latest", "--dry-run", "-o", "json").json["notes"] == []

    def denied(self: KubeReader, namespace: str) -> Any:
        raise AccessDenied("not authorized to list daemonsets", permission="list daemonsets")

    monkeypatch.setattr(KubeReader, "list_written", denied)
    (note,) = healthy("install-agent", "--addon-version", "latest", "--dry-run", "-o", "json").json["notes"]
    assert note.startswith("conflicts with fields that others have set were not checked: not authorized")
