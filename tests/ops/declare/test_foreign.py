"""Answers of the API and lists of podid, read as declarations."""

import json
from collections.abc import Sequence

import pytest

from ops.declare.worlds import READER, Read, refused
from podid.domain.aws import Association
from podid.domain.errors import InvalidInput
from podid.ops.declare.foreign import describing
from render.export.samples import association

ROW = {
    "clusterName": "blue",
    "namespace": "shop",
    "serviceAccount": "web",
    "roleArn": READER,
    "associationArn": "arn:x",
    "associationId": "a-1",
    "tags": {"team": "shop", "aws:x": "y"},
    "disableSessionTags": False,
    "createdAt": 1.5,
}


def test_answers_of_the_api(read_foreign: Read) -> None:
    (item,) = read_foreign(json.dumps({"association": ROW}), "web.json")
    assert (item.name, item.clusters[0].name) == ("blue-web", "blue")
    (row,) = item.associations
    assert (row.service_account, row.role, row.session_tags, row.tags) == ("shop/web", READER, True, {"team": "shop"})
    green = {**ROW, "clusterName": "green"}
    owned = {**ROW, "serviceAccount": "ebs", "ownerArn": "arn:aws:eks:us-west-2:1:addon/blue/aws-ebs-csi-driver/1"}
    first, second = read_foreign(json.dumps({"associations": [ROW, green, owned]}), "all.json")
    assert ([first.name, second.name], len(first.associations)) == (["blue-all", "green-all"], 1)
    assert first.notes == ("omitted: shop/ebs, because the add-on aws-ebs-csi-driver owns the association",)


def test_a_list_without_roles_is_refused(read_foreign: Read) -> None:
    row = {key: value for key, value in ROW.items() if key in ("clusterName", "namespace", "serviceAccount")}
    lines = refused(read_foreign, json.dumps({"associations": [row]}), "list.json")
    assert any("list-pod-identity-associations returns no roles" in line for line in lines)


def test_csv_and_lists_of_podid(read_foreign: Read) -> None:
    csv = f"namespace,service_account,role,target_role,session_tags,tags\nshop,web,{READER},,off,team=shop;a=b\n"
    (item,) = read_foreign(csv, "shop.csv")
    (row,) = item.associations
    assert (item.name, item.clusters, row.service_account, row.session_tags) == ("shop", (), "shop/web", False)
    assert row.tags == {"team": "shop", "a": "b"}
    listed = {"apiVersion": "podid/v1", "kind": "AssociationList", "items": [{**ROW, "createdAt": "2026-01-01"}]}
    assert read_foreign(json.dumps(listed), "list.json")[0].associations[0].service_account == "shop/web"
    with pytest.raises(InvalidInput, match=r"shop\.csv, line 2: .*role"):
        read_foreign("namespace,service_account,role\nshop,web,a b\n", "shop.csv")


def test_own_files_beside_foreign_ones_stay_as_they_are(read_foreign: Read) -> None:
    head = "apiVersion: podid/v1\nkind: PodIdentity\nmetadata: {name: a}\n"
    own = f"{head}associations:\n- serviceAccount: a/b\n  role: ${{x}}\n"
    assert read_foreign(own)[0].associations[0].role == "replaced"
    assert "kind" in refused(read_foreign, "kind: Other\napiVersion: v1\n")[0]


def test_each_cluster_is_read_once_for_its_associations() -> None:
    read: list[str] = []

    def associations(cluster: str) -> Sequence[Association]:
        read.append(cluster)
        return (association("shop/web", READER, 1),)

    describe = describing(associations)
    known, number = describe("blue", "a-00000000000000001"), "a-2"
    assert known is not None
    assert (known["serviceAccount"], known["roleArn"]) == ("web", READER)
    assert (describe("blue", number), read) == (None, ["blue"])
