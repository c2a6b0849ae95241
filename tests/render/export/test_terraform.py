"""The forms for Terraform, parsed by python-hcl2.

Arguments: registry.terraform.io/providers/hashicorp/aws, resources aws_iam_role, aws_iam_role_policy,
aws_iam_role_policy_attachment and aws_eks_pod_identity_association, provider 6.57.1 of 2026-07-29; and the variables of
terraform-aws-modules/eks-pod-identity/aws 2.8.1.
"""

import json
import re
from typing import Any

import pytest

from podid.render.export import terraform, terraform_module
from podid.render.export.parts import comments
from podid.render.hcl import hcl
from render.export import samples
from render.export.samples import EMPTY, FULL, INLINE, LEGACY, PLAIN, SAMPLE

hcl2 = pytest.importorskip("hcl2")

ARGUMENTS = {
    "aws_iam_role": {
        *("name", "path", "description", "max_session_duration", "permissions_boundary", "assume_role_policy", "tags"),
    },
    "aws_iam_role_policy": {"name", "role", "policy"},
    "aws_iam_role_policy_attachment": {"role", "policy_arn"},
    "aws_eks_pod_identity_association": {
        *("cluster_name", "namespace", "service_account", "role_arn", "target_role_arn", "disable_session_tags"),
        *("policy", "tags"),
    },
}
VARIABLES = {
    *("source", "version", "name", "use_name_prefix", "path", "description", "max_session_duration", "tags"),
    *("permissions_boundary_arn", "trust_policy_conditions", "trust_policy_statements", "additional_policy_arns"),
    "associations",
}
ROW = {"cluster_name", "namespace", "service_account", "target_role_arn", "disable_session_tags", "tags"}


def parsed(text: str) -> dict[str, Any]:
    options = hcl2.SerializationOptions(strip_string_quotes=True)
    whole: dict[str, Any] = plain(hcl2.loads(text, serialization_options=options))
    return whole


def plain(value: Any) -> Any:
    """Values as Terraform evaluates them; references stay expressions."""
    if isinstance(value, dict):
        return {key: plain(member) for key, member in value.items() if not key.startswith("__")}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, str) and value.startswith("${jsonencode("):
        inner = value.removeprefix("${jsonencode(").removesuffix(")}")
        text = re.sub(r'("(?:[^"\\]|\\.)*")( = )?', lambda match: match[1] + (":" if match[2] else ""), inner)
        return json.loads(text.replace("$${", "${").replace("%%{", "%{"))
    return value.replace("$${", "${").replace("%%{", "%{") if isinstance(value, str) else value


def resources(whole: dict[str, Any]) -> dict[str, dict[str, Any]]:
    made: dict[str, dict[str, Any]] = {}
    for item in whole.get("resource", ()):
        for kind, named in item.items():
            for name, arguments in named.items():
                assert f"{kind}.{name}" not in made
                assert arguments.keys() <= ARGUMENTS[kind]
                made[f"{kind}.{name}"] = arguments
    return made


def ids(whole: dict[str, Any]) -> dict[str, str]:
    return {item["to"].removeprefix("${").removesuffix("}"): item["id"] for item in whole.get("import", ())}


def test_resources_say_what_is_live_and_are_imported() -> None:
    written = terraform.write(SAMPLE)
    whole = parsed(written.text)
    made = resources(whole)
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
    assert made.keys() == ids(whole).keys()
    assert made["aws_iam_role.A_b"] == {
        "name": "A-b",
        "path": "/team/shop/",
        "description": FULL.role.description,
        "max_session_duration": 7200,
        "permissions_boundary": samples.BOUNDARY,
        "assume_role_policy": FULL.role.trust,
        "tags": {"k.o/1": "'single' \"double\"", "team": "shop ${x} %{y}"},
    }
    assert made["aws_iam_role.a"] == {"name": "a", "assume_role_policy": PLAIN.role.trust}
    assert made["aws_iam_role_policy.a_b_c"] == {"name": "b-c", "role": "${aws_iam_role.a.id}", "policy": INLINE}
    pay = made["aws_eks_pod_identity_association.shop_pay"]
    assert json.loads(pay["policy"]) == json.loads(samples.SESSION)
    assert (pay["disable_session_tags"], pay["tags"]) == (True, {"no": "0123"})
    assert made["aws_eks_pod_identity_association.old_app_v1"]["target_role_arn"] == "${aws_iam_role.A_b.arn}"
    assert made["aws_eks_pod_identity_association.shop_orders"] == {
        "cluster_name": "demo",
        "namespace": "shop",
        "service_account": "orders",
        "role_arn": "${aws_iam_role.a.arn}",
        "target_role_arn": samples.OTHER_ROLE,
        "tags": {"cost": "42"},
    }
    assert made["aws_eks_pod_identity_association.old_app_v1_2"]["role_arn"].endswith(":role/unknown")


def test_notes_are_comments_too() -> None:
    for module in (terraform, terraform_module):
        written = module.write(SAMPLE)
        assert samples.NOTES[0] in written.notes
        assert any("6.57.1" in note for note in written.notes)
        for note in written.notes:
            assert comments((f"note: {note}",)) in written.text


def test_nothing_to_export_is_still_a_file() -> None:
    assert parsed(terraform.write(EMPTY).text) == {} == parsed(terraform_module.write(EMPTY).text)


def test_the_module_gets_what_it_can_express_and_resources_the_rest() -> None:
    written = terraform_module.write(SAMPLE)
    whole = parsed(written.text)
    modules = {name: call for item in whole["module"] for name, call in item.items()}
    assert all(call.keys() <= VARIABLES for call in modules.values())
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
    assert all(row.keys() <= ROW for row in rows.values())
    made = resources(whole)
    assert made.keys() == {
        *(
            "aws_iam_role.legacy",
            "aws_iam_role_policy.a_b_c",
            "aws_iam_role_policy.A_b_c",
            "aws_iam_role_policy.A_b_c_",
        ),
        *(f"aws_eks_pod_identity_association.{name}" for name in ("shop_pay", "old_app_v1", "old_app_v1_2")),
    }
    assert made["aws_eks_pod_identity_association.shop_pay"]["role_arn"] == "${module.A_b.iam_role_arn}"
    assert ids(whole).keys() == {
        *made,
        *("module.a.aws_iam_role.this[0]", "module.A_b.aws_iam_role.this[0]"),
        'module.a.aws_iam_role_policy_attachment.this["AmazonS3ReadOnlyAccess"]',
        *(f'module.a.aws_eks_pod_identity_association.this["shop/{name}"]' for name in ("orders", "basket")),
    }
    assert any(LEGACY.name in note and "trust policy" in note for note in written.notes)


@pytest.mark.parametrize("text", ["\u2028", "a\tb", "\U0001f600", "\U000e0001", "##[error]", "$${x}", "%%{x}", '"\\'])
def test_any_text_is_one_that_terraform_reads(text: str) -> None:
    written = hcl(text)
    assert "\n" not in written
    assert "##" not in written
    whole = parsed(f"x = {written}\n")
    escaped = written[1:-1].replace("$${", "${").replace("%%{", "%{")
    assert re.sub(r"\\U000([0-9a-f]{5})", lambda m: chr(int(m[1], 16)), json_text(escaped)) == text
    assert "x" in whole


def json_text(body: str) -> str:
    """HCL has JSON's escapes, and one more for what JSON writes as a pair."""
    return str(json.loads(f'"{body}"')) if "\\U" not in body else body
