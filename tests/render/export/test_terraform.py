"""The forms for Terraform: parsed by python-hcl2, and against the arguments of the provider and the variables of the
module (`schemas/terraform.json`)."""

import json
import re
from typing import Any

import pytest

from podid.render.export import terraform
from podid.render.export.parts import comments
from render.export import samples
from render.export.published import problems
from render.export.samples import EMPTY, FULL, INLINE, LEGACY, PLAIN, SAMPLE

hcl2 = pytest.importorskip("hcl2")


def parsed(text: str) -> dict[str, Any]:
    options = hcl2.SerializationOptions(strip_string_quotes=True)
    written = unmarked(hcl2.loads(text, serialization_options=options))
    valid(written)
    whole: dict[str, Any] = plain(written)
    return whole


def unmarked(value: Any) -> Any:
    """Values without the parser's marks of blocks."""
    if isinstance(value, dict):
        return {key: unmarked(member) for key, member in value.items() if not key.startswith("__")}
    return [unmarked(item) for item in value] if isinstance(value, list) else value


def valid(whole: dict[str, Any]) -> None:
    assert whole.keys() <= {"resource", "import", "module", "x"}
    parts = [("import", item) for item in whole.get("import", ())]
    parts += [(kind, one) for item in whole.get("resource", ()) for kind, of in item.items() for one in of.values()]
    parts += [("module eks-pod-identity", one) for item in whole.get("module", ()) for one in item.values()]
    for name, value in parts:
        assert problems("terraform", name, value) == []


def plain(value: Any) -> Any:
    """Values as Terraform evaluates them; references stay expressions."""
    if isinstance(value, dict):
        return {key: plain(member) for key, member in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, str) and value.startswith("${jsonencode("):
        inner = value.removeprefix("${jsonencode(").removesuffix(")}")
        text = re.sub(r'("(?:[^"\\]|\\.)*")( = )?', lambda match: match[1] + (":" if match[2] else ""), inner)
        return json.loads(text.replace("$${", "${").replace("%%{", "%{"))
    return value.replace("$${", "${").replace("%%{", "%{") if isinstance(value, str) else value


def resources(whole: dict[str, Any]) -> dict[str, dict[str, Any]]:
    created: dict[str, dict[str, Any]] = {}
    for item in whole.get("resource", ()):
        for kind, named in item.items():
            for name, arguments in named.items():
                assert f"{kind}.{name}" not in created
                created[f"{kind}.{name}"] = arguments
    return created


def ids(whole: dict[str, Any]) -> dict[str, str]:
    return {item["to"].removeprefix("${").removesuffix("}"): item["id"] for item in whole.get("import", ())}


def test_live_resources_are_imported() -> None:
    written = terraform.write_terraform(SAMPLE)
    whole = parsed(written.text)
    created = resources(whole)
    assert ids(whole) == {
        "aws_iam_role.a": "a",
        "aws_iam_role_policy.a_b_c": "a:b-c",
        "aws_iam_role_policy_attachment.a_AmazonS3ReadOnlyAccess": f"a/{samples.MANAGED}",
        "aws_iam_role.A_b": "A-b",
        "aws_iam_role_policy.A_b_c": "A-b:c",
        "aws_iam_role_policy.A_b_c_": "A-b:c.",
        "aws_iam_role.legacy": "legacy",
        "aws_eks_pod_identity_association.shop_basket": "demo,a-00000000000000001",
        "aws_eks_pod_identity_association.shop_orders": "demo,a-00000000000000002",
        "aws_eks_pod_identity_association.shop_pay": "demo,a-00000000000000003",
        "aws_eks_pod_identity_association.old_app_v1": "demo,a-00000000000000004",
        "aws_eks_pod_identity_association.old_app_v1_2": "demo,a-00000000000000005",
    }
    assert created.keys() == ids(whole).keys()
    assert created["aws_iam_role.A_b"] == {
        "name": "A-b",
        "path": "/team/shop/",
        "description": FULL.role.description,
        "max_session_duration": 7200,
        "permissions_boundary": samples.BOUNDARY,
        "assume_role_policy": FULL.role.trust,
        "tags": {"k.o/1": "", "team": "shop ü @ +1"},
    }
    assert created["aws_iam_role.a"] == {"name": "a", "assume_role_policy": PLAIN.role.trust}
    assert created["aws_iam_role_policy.a_b_c"] == {"name": "b-c", "role": "${aws_iam_role.a.id}", "policy": INLINE}
    pay = created["aws_eks_pod_identity_association.shop_pay"]
    assert json.loads(pay["policy"]) == json.loads(samples.SESSION)
    assert (pay["disable_session_tags"], pay["tags"]) == (True, {"no": "0123", "q": samples.TAG})
    assert created["aws_eks_pod_identity_association.old_app_v1"]["target_role_arn"] == "${aws_iam_role.A_b.arn}"
    assert created["aws_eks_pod_identity_association.shop_orders"] == {
        "cluster_name": "demo",
        "namespace": "shop",
        "service_account": "orders",
        "role_arn": "${aws_iam_role.a.arn}",
        "target_role_arn": samples.OTHER_ROLE,
        "tags": {"cost": "42"},
    }
    assert created["aws_eks_pod_identity_association.old_app_v1_2"]["role_arn"].endswith(":role/unknown")


def test_notes_are_comments_too() -> None:
    for write in (terraform.write_terraform, terraform.write_terraform_module):
        written = write(SAMPLE)
        assert samples.NOTES[0] in written.notes
        assert any("6.57.1" in note for note in written.notes)
        for note in written.notes:
            assert comments((f"note: {note}",)) in written.text


def test_nothing_to_export_is_still_a_file() -> None:
    assert parsed(terraform.write_terraform(EMPTY).text) == {} == parsed(terraform.write_terraform_module(EMPTY).text)


def test_parts_that_the_module_cannot_express_are_resources() -> None:
    written = terraform.write_terraform_module(SAMPLE)
    whole = parsed(written.text)
    modules = {name: call for item in whole["module"] for name, call in item.items()}
    assert modules.keys() == {"a", "A_b"}
    call = modules["A_b"]
    assert call["trust_policy_conditions"] == [
        {"test": test, "variable": key, "values": [value]}
        for test, keys in FULL.role.trust["Statement"][0]["Condition"].items()  # type: ignore[index]
        for key, value in keys.items()
    ]
    assert "trust_policy_statements" not in call
    assert "associations" not in call  # its only one has a session policy
    assert modules["a"]["trust_policy_statements"][0]["principals"] == [
        {"type": "Service", "identifiers": ["pods.eks.amazonaws.com"]}
    ]
    rows = modules["a"]["associations"]
    assert rows.keys() == {"shop/orders", "shop/basket"}
    created = resources(whole)
    assert created.keys() == {
        *(
            "aws_iam_role.legacy",
            "aws_iam_role_policy.a_b_c",
            "aws_iam_role_policy.A_b_c",
            "aws_iam_role_policy.A_b_c_",
        ),
        *(f"aws_eks_pod_identity_association.{name}" for name in ("shop_pay", "old_app_v1", "old_app_v1_2")),
    }
    assert created["aws_eks_pod_identity_association.shop_pay"]["role_arn"] == "${module.A_b.iam_role_arn}"
    assert ids(whole).keys() == {
        *created,
        *("module.a.aws_iam_role.this[0]", "module.A_b.aws_iam_role.this[0]"),
        'module.a.aws_iam_role_policy_attachment.this["AmazonS3ReadOnlyAccess"]',
        *(f'module.a.aws_eks_pod_identity_association.this["shop/{name}"]' for name in ("orders", "basket")),
    }
    assert any(LEGACY.name in note and "trust policy" in note for note in written.notes)


# --- Pulumi -----------------------------------------------------------------------------------------------------------


def test_pulumi_gets_an_identifier_for_each_part() -> None:
    written = terraform.write_pulumi(SAMPLE)
    whole = json.loads(written.text)
    assert problems("pulumi", "ImportFile", whole) == []
    assert len({(item["type"], item["name"]) for item in whole["resources"]}) == len(whole["resources"]) == 12
    assert written.notes == SAMPLE.notes  # JSON has no comments
