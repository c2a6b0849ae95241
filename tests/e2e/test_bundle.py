"""podid bundle: an archive that says what is wrong and not whose it is, listed before it is written."""

import json
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
    found = site.aws("eks").list_pod_identity_associations(clusterName="demo", serviceAccount="orders")
    (made,) = found["associations"]
    site.aws("eks").update_pod_identity_association(
        clusterName="demo",
        associationId=made["associationId"],
        roleArn=ROLE_ARN,
        targetRoleArn=target_arn(),
    )


def test_it_says_what_is_wrong_and_not_whose_it_is(site: Site, tmp_path: Path) -> None:
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


def test_nothing_is_written_without_a_yes(site: Site, tmp_path: Path) -> None:
    file = tmp_path / "b.tar.gz"
    outcome = site("bundle", str(file))
    assert (outcome.code, outcome.stdout, file.exists()) == (2, "", False)
    for name in ("snapshot.json", "report.json", "versions.json", "--yes"):
        assert name in outcome.stderr


def test_a_file_that_cannot_be_written_is_named(site: Site, tmp_path: Path) -> None:
    outcome = site("bundle", str(tmp_path / "no" / "b.tar.gz"), "--yes")
    assert (outcome.code, outcome.stdout) == (2, "")
    assert "cannot be written" in outcome.stderr
