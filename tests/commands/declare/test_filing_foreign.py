"""Files of other programs for podid plan and apply."""

import json
from pathlib import Path

import pytest

from ops.declare.worlds import associated
from worlds import Site


@pytest.fixture
def shop(account: Site) -> Site:
    return associated(account)


def test_a_list_of_the_api_is_completed_from_the_cluster(shop: Site, tmp_path: Path) -> None:
    eks = shop.aws("eks")
    listed = [
        {key: value for key, value in item.items() if key != "ownerArn"}
        for item in eks.list_pod_identity_associations(clusterName="demo")["associations"]
    ]
    assert all("roleArn" not in item for item in listed)
    path = tmp_path / "list.json"
    path.write_text(json.dumps({"associations": listed}))
    shop.box.faults.calls.clear()
    outcome = shop("plan", "-f", str(path), "-o", "json")
    assert (outcome.code, outcome.json["unchanged"], outcome.json["files"]) == (0, len(listed), ["demo-list"]), outcome
    refused = shop("convert", "-f", str(path))
    assert refused.code == 2
    assert "podid plan and apply read them from the cluster" in refused.stderr
    path.write_text(json.dumps({"associations": [{**listed[0], "associationId": "a-0000000000000000"}]}))
    gone = shop("plan", "-f", str(path))
    assert gone.code == 2
    assert f"{path}:1:19: associations[0].roleArn: is required, and cluster demo has no association a-0" in gone.stderr


def test_notes_of_a_foreign_file_are_notes_of_its_plan(account: Site, tmp_path: Path) -> None:
    path = tmp_path / "cluster.yaml"
    row = {"namespace": "shop", "serviceAccountName": "pay", "wellKnownPolicies": {"autoScaler": True}}
    config = {
        "apiVersion": "eksctl.io/v1alpha5",
        "kind": "ClusterConfig",
        "metadata": {"name": "demo"},
        "iam": {"podIdentityAssociations": [row]},
    }
    path.write_text(json.dumps(config))
    outcome = account("plan", "-f", str(path), "-o", "json")
    assert outcome.code == 3, outcome
    assert any("eksctl's trust policy allows every pod" in note for note in outcome.json["notes"])
    assert account("apply", "-f", str(path), "--wait", "none").code == 0
    assert account("plan", "-f", str(path)).code == 0
    role = account.aws("iam").get_role(RoleName="demo-shop-pay")["Role"]
    assert {"Key": "podid:owner", "Value": "demo-cluster"} in role["Tags"]
