"""`podid audit`: baselines, access entries, probes and reports."""

import json
from pathlib import Path
from typing import Any

import pytest

from podid.sandbox.baseline import NODE_ROLE
from podid.sandbox.breaks.table import AUDITED
from worlds import ACCOUNT, Site


def test_a_baseline_accepts_findings(healthy: Site, tmp_path: Path) -> None:
    mode = sorted(AUDITED)[0]
    subject = healthy.box.failures.put(mode)
    entry = {"id": mode, "reason": "known"}
    file = tmp_path / "baseline.json"
    file.write_text(json.dumps({"accepted": [entry]}))
    outcome = healthy("audit", "--baseline", str(file), "--fail-on", "info", "-o", "json")
    assert (outcome.code, outcome.json["findings"]) == (0, []), subject
    assert {item["id"] for item in outcome.json["accepted"]} == {mode}
    assert healthy("audit", "--fail-on", "info", "-o", "json").code == 3


def test_the_guard_of_the_settings_file_is_checked(healthy: Site, tmp_path: Path) -> None:
    guard, settings = tmp_path / "guard.yaml", tmp_path / "config.toml"
    guard.write_text("apiVersion: podid/v1\nkind: PodIdentity\nguard:\n  allowedRoles: [other-*]\n")
    settings.write_text(f"guard = '{guard}'\n")
    for env in ({"PODID_CONFIG": str(settings)}, {"PODID_GUARD": str(guard)}):
        outcome = healthy("audit", "--check", "guard-violated", "--fail-on", "info", "-o", "json", env=env)
        assert outcome.code == 3, outcome
    assert healthy("audit", "--check", "guard-violated", "--fail-on", "info", "-o", "json").code == 0


def test_access_entries_give_access_to_identities(healthy: Site) -> None:
    entry = {"clusterName": "demo", "principalArn": f"arn:aws:iam::{ACCOUNT}:role/storefront"}
    healthy.aws("eks").create_access_entry(**entry)
    policy = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSEditPolicy"
    scope = {"type": "namespace", "namespaces": ["shop"]}
    healthy.aws("eks").associate_access_policy(**entry, policyArn=policy, accessScope=scope)
    (finding,) = healthy("audit", "--check", "identity-open-to-others", "-o", "json").json["findings"]
    assert finding["subject"] == {"kind": "Namespace", "namespace": None, "name": "shop"}
    assert finding["evidence"] == [
        "IAM role storefront can create pods and run commands in pods: AmazonEKSEditPolicy by access entry"
    ]
    healthy.box.world.credentials.deny("eks:ListAssociatedAccessPolicies")
    outcome = healthy("audit", "--check", "identity-open-to-others", "-o", "json")
    (unknown,) = outcome.json["unknowns"]
    assert (outcome.json["findings"], unknown["permission"]) == ([], "eks:ListAssociatedAccessPolicies")


RBAC = "rbac.authorization.k8s.io"


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        (
            [("", "serviceaccounts/token", "create", "orders")],
            "create tokens of service accounts (serviceaccounts/token orders)",
        ),
        ([("apps", "deployments", "patch", "front")], "create pods (deployments front)"),
        ([("", "pods", "create", "orders")], ""),
        (
            [(RBAC, "clusterroles", "bind", "cluster-admin"), (RBAC, "rolebindings", "create", "")],
            "bind roles with more permissions (clusterroles cluster-admin)",
        ),
        ([(RBAC, "clusterroles", "bind", "nothing"), (RBAC, "rolebindings", "create", "")], ""),
        (
            [(RBAC, "roles", "escalate", "audited"), (RBAC, "roles", "update", "audited")],
            "add permissions to roles (roles audited)",
        ),
    ],
)
def test_permissions_on_named_objects(healthy: Site, rules: list[tuple[str, ...]], words: str) -> None:
    home = f"/apis/{RBAC}/v1/namespaces/shop"
    listed = [
        {"apiGroups": [group], "resources": [kind], "verbs": [verb], **({"resourceNames": [name]} if name else {})}
        for group, kind, verb, name in rules
    ]
    healthy.cluster.post(f"{home}/roles", {"metadata": {"name": "audited"}, "rules": listed})
    subjects = [{"apiGroup": RBAC, "kind": "User", "name": "ada"}]
    reference = {"apiGroup": RBAC, "kind": "Role", "name": "audited"}
    binding = {"metadata": {"name": "audited"}, "roleRef": reference, "subjects": subjects}
    healthy.cluster.post(f"{home}/rolebindings", binding)
    outcome = healthy("audit", "--check", "identity-open-to-others", "-o", "json")
    evidence = [line for item in outcome.json["findings"] for line in item["evidence"]]
    assert evidence == ([f"user ada can {words}: Role audited by RoleBinding shop/audited"] if words else [])


def test_a_role_is_judged_by_the_session_tags_of_its_pods(healthy: Site) -> None:
    tag = "aws:PrincipalTag/kubernetes-namespace"

    def audited(**condition: dict[str, str]) -> Any:
        statement = {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": condition}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        healthy.aws("iam").put_role_policy(RoleName="shop-orders", PolicyName="all", PolicyDocument=document)
        return healthy("audit", "--check", "role-administrator", "-o", "json").json

    (finding,) = audited(StringEquals={tag: "shop"})["findings"]
    assert finding["message"] == "the role allows all actions on any resource"
    assert audited(StringEquals={tag: "web"})["findings"] == []
    report = audited(StringEquals={"aws:SourceVpce": "vpce-1"})
    (unknown,) = report["unknowns"]
    assert (report["findings"], unknown["id"]) == ([], "role-administrator")
    assert "depends on aws:SourceVpce" in unknown["reason"]


def test_a_probe_shows_that_pods_get_credentials_of_the_nodes(healthy: Site) -> None:
    refused = healthy("audit", "--probe", "-o", "json")
    assert (refused.code, refused.stdout, healthy.cluster.items("/apis/batch/v1/jobs")) == (2, "", [])
    probe = ("audit", "--probe", "--yes", "--check", "imds-open-to-pods", "--all", "-o", "json")
    assert healthy.must(*probe).json["findings"] == []
    subject = healthy.box.failures.put("imds-open-to-pods")
    (finding,) = healthy.must(*probe).json["findings"]
    assert (finding["subject"]["name"], finding["severity"]) == (subject, "warn")
    assert [line for line in finding["evidence"] if line.endswith(f"got credentials of role {NODE_ROLE}")]
    healthy.wait(5)
    assert healthy.cluster.items("/apis/batch/v1/jobs") == []
    assert not [pod for pod in healthy.cluster.pods("default") if "probe" in pod["metadata"]["name"]]
    (last, _) = healthy.must("history", "-o", "json").json["items"]
    assert [(step["kind"], step["status"]) for step in last["actions"]] == [("probe", "done")]
    healthy.kube.deny("kubernetes-admin", "create", "jobs.batch")
    (finding,) = healthy.must(*probe).json["findings"]
    assert [line for line in finding["evidence"] if line.startswith("not probed: its Job could not be created")]
