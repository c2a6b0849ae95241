"""The forms for eksctl, ACK and Crossplane, against the schemas of these tools (`schemas/`)."""

import json
import re
from typing import Any

from podid.render.export import kubernetes
from podid.render.export.parts import comments
from render.export import samples
from render.export.published import loaded, problems
from render.export.samples import FULL, INLINE, PLAIN, SAMPLE


def test_eksctl_gets_the_associations_and_a_note_for_each_role() -> None:
    written = kubernetes.write_eksctl(SAMPLE)
    (config,) = loaded(written.text)
    assert problems("eksctl", "ClusterConfig", config) == []
    assert config["metadata"] == {"name": "demo", "region": "us-west-2"}
    rows = config["iam"]["podIdentityAssociations"]
    assert [row["serviceAccountName"] for row in rows] == ["basket", "orders", "pay", "app.v1", "app-v1"]
    assert rows[2]["disableSessionTags"] is True
    assert rows[2]["tags"] == {"no": "0123", "q": samples.TAG}
    for row in rows:  # rules of eksctl's validation.go, which its schema omits
        assert {"namespace", "serviceAccountName", "roleARN"} <= row.keys()
        assert not row.keys() & {"permissionPolicy", "permissionPolicyARNs", "wellKnownPolicies"}
    (note,) = (note for note in written.notes if "A-b" in note)
    for part in ("path", "description", "session duration", "boundary", "inline policies c, c.", "tags", "trust"):
        assert part in note
    assert comments((f"note: {note}",)) in written.text


LABEL = re.compile("[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


def objects(form: str, text: str) -> dict[tuple[str, str], dict[str, Any]]:
    created: dict[tuple[str, str], dict[str, Any]] = {}
    for item in loaded(text):
        kind, metadata = item["kind"], item["metadata"]
        assert problems(form, kind, item) == []
        assert LABEL.fullmatch(metadata["name"])
        assert all(isinstance(value, str) for value in metadata["annotations"].values())
        assert (kind, metadata["name"]) not in created
        created[kind, metadata["name"]] = item
    return created


def test_ack_adopts_live_resources_and_never_deletes_them() -> None:
    created = objects("ack", kubernetes.write_ack(SAMPLE).text)
    for (kind, _), item in created.items():
        notes = {key.partition("/")[2]: value for key, value in item["metadata"]["annotations"].items()}
        assert (notes["adoption-policy"], notes["deletion-policy"]) == ("adopt-or-create", "retain")
        fields = json.loads(notes["adoption-fields"])
        if kind == "Role":
            assert fields == {"name": item["spec"]["name"]}
        else:
            assert fields["clusterName"] == item["spec"]["clusterName"] == "demo"
            assert fields["associationID"].startswith("a-")
            assert notes["region"] == "us-west-2"
    role = created["Role", "a-b"]["spec"]
    assert (role["name"], role["path"], role["description"]) == ("A-b", "/team/shop/", FULL.role.description)
    assert json.loads(role["inlinePolicies"]["c"]) == INLINE
    assert {name for kind, name in created if kind != "Role"} == {
        *("shop-basket", "shop-orders", "shop-pay", "old-app-v1", "old-app-v1-2")
    }


def test_crossplane_gets_external_names_and_a_note_for_a_session_policy() -> None:
    written = kubernetes.write_crossplane(SAMPLE)
    created = objects("crossplane", written.text)
    external = {}
    for (kind, name), item in created.items():
        assert "Delete" not in item["spec"]["managementPolicies"]
        assert "*" not in item["spec"]["managementPolicies"]
        external[kind, name] = item["metadata"]["annotations"]["crossplane.io/external-name"]
    assert external["Role", "a-b"] == "A-b"
    assert external["RolePolicy", "a-b-c"] == "b-c"
    assert external["RolePolicy", "a-b-c-2"] == "c"
    assert external["RolePolicyAttachment", "a-amazons3readonlyaccess"] == f"a/{samples.MANAGED}"
    assert external["PodIdentityAssociation", "shop-pay"] == "a-00000000000000003"
    assert json.loads(created["Role", "a"]["spec"]["forProvider"]["assumeRolePolicy"]) == PLAIN.role.trust
    (note,) = (note for note in written.notes if "session policy" in note)
    assert note.startswith("shop/pay: ")
    assert "s3:GetObject" in note
    assert comments((f"note: {note}",)) in written.text
