"""`podid bundle`: its contents, the redacted values, and the confirmation."""

import json
import re
import tarfile
from pathlib import Path
from typing import Any

from harness import Podid
from podid.sandbox.baseline import add_association
from worlds import ACCOUNT, ROLE_ARN, Site, target_arn, target_trust

EXTERNAL = "only-between-us"
PASSWORD = "hunter2"


def ids(report: Any) -> list[tuple[str, str]]:
    return [(item["id"], item["severity"]) for item in report["findings"]]


def whole(site: Site) -> None:
    """An association with a target role that asks for an external id, and another whose role is not there."""
    site.with_agent().with_identity().with_target()
    trust = target_trust(StringEquals={"sts:ExternalId": EXTERNAL})
    site.aws("iam").update_assume_role_policy(
        RoleName=target_arn().rpartition("/")[2], PolicyDocument=json.dumps(trust)
    )
    add_association(site.box.world, "shop", "gone", "nosuch")
    site.aws("eks").update_addon(
        clusterName="demo",
        addonName="eks-pod-identity-agent",
        configurationValues=json.dumps({"env": {"HTTPS_PROXY": f"http://me:{PASSWORD}@proxy:3128"}}),
    )
    site.wait(30)
    associations = site.aws("eks").list_pod_identity_associations(clusterName="demo", serviceAccount="orders")
    (association,) = associations["associations"]
    site.aws("eks").update_pod_identity_association(
        clusterName="demo",
        associationId=association["associationId"],
        roleArn=ROLE_ARN,
        targetRoleArn=target_arn(),
    )


def test_the_report_stays_and_account_ids_are_redacted(site: Site, tmp_path: Path) -> None:
    whole(site)
    file = tmp_path / "b.tar.gz"
    outcome = site("bundle", str(file), "--yes", "-o", "json")
    assert (outcome.code, outcome.stderr) == (0, "")
    assert file.stat().st_mode & 0o777 == 0o600
    names = [item["name"] for item in outcome.json["items"]]
    with tarfile.open(file) as tar:
        assert tar.getnames() == [f"podid-bundle/{name}" for name in names]
        tar.extractall(tmp_path, filter="data")
    files = {name: (tmp_path / "podid-bundle" / name).read_text() for name in names}
    assert [item["bytes"] for item in outcome.json["items"]] == [len(text.encode()) for text in files.values()]
    for text in files.values():
        assert ACCOUNT not in text
        assert EXTERNAL not in text
        assert PASSWORD not in text
    live, report = site("doctor", "-o", "json").json, json.loads(files["report.json"])
    assert ids(report) == ids(live) != []
    assert report["clusterArn"] == live["clusterArn"].replace(ACCOUNT, "000000000001")
    again = Podid()("doctor", "--from", str(tmp_path / "podid-bundle" / "snapshot.json"), "-o", "json")
    assert (again.code, ids(again.json)) == (3, ids(live))


def test_nothing_is_written_without_confirmation(site: Site, tmp_path: Path) -> None:
    file = tmp_path / "b.tar.gz"
    outcome = site("bundle", str(file))
    assert (outcome.code, outcome.stdout, file.exists()) == (2, "", False)
    for name in ("snapshot.json", "report.json", "versions.json", "--yes"):
        assert name in outcome.stderr


def test_a_file_that_cannot_be_written(site: Site, tmp_path: Path) -> None:
    outcome = site("bundle", str(tmp_path / "no" / "b.tar.gz"), "--yes")
    assert (outcome.code, outcome.stdout) == (2, "")
    assert "cannot be written" in outcome.stderr


def test_data_that_no_check_needs_is_omitted(site: Site, tmp_path: Path) -> None:
    """Each place says itself; what is in the archive of them is what the question names."""
    site.with_agent().with_identity()
    iam, eks = site.aws("iam"), site.aws("eks")
    iam.update_role(RoleName="shop-orders", Description="zz-role-description", MaxSessionDuration=7200)
    iam.tag_role(RoleName="shop-orders", Tags=[{"Key": "zz-role-tag", "Value": "zz-role-value"}])
    (association,) = eks.list_pod_identity_associations(clusterName="demo", serviceAccount="orders")["associations"]
    eks.tag_resource(resourceArn=association["associationArn"], tags={"zz-association-tag": "zz-association-value"})
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::zz-session-policy/*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    eks.update_pod_identity_association(
        clusterName="demo", associationId=association["associationId"], policy=policy, disableSessionTags=True
    )
    account = {"annotations": {"vendor/token": "zz-account-annotation", "eks.amazonaws.com/x": "zz-eks-annotation"}}
    site.cluster.merge("/api/v1/namespaces/shop/serviceaccounts/orders", {"metadata": account})
    variables = {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://zz-user:zz-password@169.254.170.23/v1?token=zz-query#zz-fragment",
        "AWS_PROFILE": "zz-profile",
        "AWS_ROLE_SESSION_NAME": "zz-session-name",
        "AWS_SECRET_ACCESS_KEY": "zz-secret-key",
        "HTTPS_PROXY": "http://zz-proxy",
        "OTHER": "zz-other",
        "M_OTHER_NAME": "x",
    }
    pod: Any = {
        "metadata": {"labels": {"x": "zz-pod-label"}, "annotations": {"x": "zz-pod-annotation"}},
        "spec": {
            "serviceAccountName": "orders",
            "containers": [
                {
                    "name": "app",
                    "image": "registry/zz-image:1",
                    "args": ["--aws-secret-access-key=zz-flag", "--aws-region=zz-region", "zz-argument"],
                    "env": [{"name": name, "value": value} for name, value in variables.items()],
                }
            ],
        },
    }
    daemons: Any = {
        "metadata": {"name": "zz-set", "annotations": {"x": "zz-annotation-of-set"}},
        "spec": {
            "selector": {"matchLabels": {"x": "zz-pod-label"}},
            "template": {
                **pod,
                "spec": {
                    **pod["spec"],
                    "containers": [
                        {"name": "d", "image": "i", "args": ["--password=zz-secret-of-set", "--x=zz-argument-of-set"]}
                    ],
                },
            },
        },
    }
    site.cluster.post("/api/v1/namespaces/shop/pods", {**pod, "metadata": {**pod["metadata"], "name": "zz-pod"}})
    site.cluster.post("/apis/apps/v1/namespaces/shop/daemonsets", daemons)
    settings = {"data": {"zz-key": "zz-entry"}, "metadata": {"name": "zz-config-map"}}
    site.cluster.post("/api/v1/namespaces/shop/configmaps", settings)
    site.wait(30)
    file = tmp_path / "b.tar.gz"
    outcome = site.must("bundle", str(file), "--yes", "-o", "json")
    with tarfile.open(file) as tar:
        members = [member for name in tar.getnames() if (member := tar.extractfile(name)) is not None]
        text = "".join(member.read().decode() for member in members)
    markers = set(re.findall(r"\bzz-[a-z-]*[a-z]", text))
    assert {name for name in markers if not name.startswith("zz-set-")} == {
        *("zz-session-policy", "zz-eks-annotation", "zz-profile", "zz-region"),
        *("zz-pod", "zz-pod-label", "zz-image", "zz-set", "zz-argument-of-set"),
    }
    assert ("M_OTHER_NAME" in text, "AWS_SECRET_ACCESS_KEY" in text, "CERTIFICATE" in text) == (False, True, False)
    contents = "\n".join(outcome.json["contents"])
    for words in (
        "session policies",
        "tags",
        "labels",
        "AWS_PROFILE",
        "trust policies",
        "images",
        "annotations of EKS",
    ):
        assert words in contents
    assert "logs" not in contents
    refused = site("bundle", str(tmp_path / "c.tar.gz"))
    assert all(f"  {words}\n" in refused.stderr for words in outcome.json["contents"])
