"""podid migrate finish: its questions and the files that it writes."""

from pathlib import Path
from typing import Any

import yaml

from irsa import ANNOTATION, Irsa
from ops.migrate.worlds import FINISH, HELM, Proxies, annotations, migrated, names_agent, stage_of
from podid.sandbox.proxy_samples import EXTERNAL_ID, NAMESPACE, ROLE
from worlds import ACCOUNT


def test_finish_asks_with_the_workloads_that_it_restarts(proxies: Proxies) -> None:
    proxies.one("web")
    proxies.one("nightly", kind="CronJob")
    migrated(proxies)
    outcome = proxies.site(*FINISH)
    assert outcome.code == 2, outcome
    dry = proxies.site.must(*FINISH, "--dry-run")
    assert "update pod template of CronJob apps/nightly" in dry.stdout
    assert "kube2iam (DaemonSet kube-system/kube2iam) no longer serves any workload" in dry.stdout
    assert annotations(proxies, "web")[ROLE] == "apps-web"


def test_finish_waits_for_the_soak_and_for_apply(proxies: Proxies) -> None:
    proxies.one("web")
    proxies.one("late")
    proxies.site.must("migrate", "apply", "apps/web", "--yes")
    outcome = proxies.site("migrate", "finish", "-n", NAMESPACE, "--yes")
    assert outcome.code == 3, outcome
    assert "apps/late: it has no association with its role yet: run podid migrate apply" in outcome.stderr
    assert "--soak requires 24 hours" in outcome.stderr
    outcome = proxies.site(*FINISH, "--yes")
    assert (outcome.code, "service account apps/late: skipped" in outcome.stdout) == (8, True), outcome
    assert "IRSA" not in outcome.stdout + outcome.stderr


def test_a_pod_template_of_helm_gets_a_patch(proxies: Proxies, tmp_path: Path) -> None:
    proxies.one("charted", metadata=HELM, annotations={EXTERNAL_ID: "x"})
    migrated(proxies)
    outcome = proxies.site(*FINISH, "--yes", "--write-manifests", str(tmp_path / "out"))
    assert outcome.code == 3, outcome
    assert (
        f"Helm release shop in namespace apps manages Deployment apps/charted: remove {ROLE}, {EXTERNAL_ID} in the "
        "chart's values, such as podAnnotations"
        in outcome.stderr.replace(f"{EXTERNAL_ID}, {ROLE}", f"{ROLE}, {EXTERNAL_ID}")
    )
    (file,) = (tmp_path / "out").iterdir()
    assert file.name == "apps_deployment_charted.yaml"
    patch = yaml.safe_load(file.read_text())
    assert patch["spec"]["template"] == {"metadata": {"annotations": {EXTERNAL_ID: None, ROLE: None}}}
    assert (annotations(proxies, "charted")[ROLE], names_agent(proxies, "apps-charted")) == ("apps-charted", True)
    # somebody changes the values of the chart
    path = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/charted"
    proxies.patch(path, {"spec": patch["spec"]})
    assert stage_of(proxies, "charted") == "moved"
    proxies.site.must(*FINISH, "--yes")
    assert not names_agent(proxies, "apps-charted")
    assert stage_of(proxies, "charted") == "clean"


RELEASE = {"meta.helm.sh/release-name": "orders", "meta.helm.sh/release-namespace": "shop"}


def test_manifests_of_annotations_that_another_tool_manages(irsa: Irsa, tmp_path: Path) -> None:
    more = {f"eks.amazonaws.com/{name}": "true" for name in ("sts-regional-endpoints", "audience")}
    metadata: dict[str, Any] = {"annotations": {**RELEASE, **more, "team": "a"}, "labels": {"app": "x"}}
    irsa.with_role("shop/owned", metadata=metadata)
    path = "/api/v1/namespaces/shop/serviceaccounts/owned"
    irsa.site.cluster.merge(path, {"imagePullSecrets": [{"name": "registry"}]})
    irsa.site.must("migrate", "apply", "shop/owned", "--yes")
    argv = ("migrate", "finish", "shop/owned", "--soak", "0", "--yes", "--write-manifests", str(tmp_path))
    outcome = irsa.site(*argv)
    assert (outcome.code, "shop_owned.yaml" in outcome.stderr) == (3, True), outcome
    written = yaml.safe_load((tmp_path / "shop_owned.yaml").read_text())
    assert written == {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {
            "name": "owned",
            "namespace": "shop",
            "labels": {"app": "x"},
            "annotations": {**RELEASE, "team": "a"},
        },
        "imagePullSecrets": [{"name": "registry"}],
    }
    assert irsa.annotations("shop/owned")[ANNOTATION] == f"arn:aws:iam::{ACCOUNT}:role/shop-owned"
    assert irsa.site(*argv).code == 2
    assert irsa.site(*argv, "--force").code == 3
