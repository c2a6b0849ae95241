"""Inline policies that differ from their presets, and the command that updates them."""

import json
from typing import Any

from harness import table
from ops.role.test_presets import AROUND, NAMES, VALUES, choice_of, filled
from podid.ops.role.moved_on import moved_on, preset_of
from podid.ops.role.presets import fill, get_preset, parse_choice

ARN = "arn:aws-cn:%s:cn-north-1:111122223333:%s"
OTHERS = {
    **dict.fromkeys(VALUES, "other"),
    "sqs-queue": "other.fifo",
    "ssm-path": "web/cart",
    "kms-key": "87654321-1234-1234-1234-123456789012",
    "bedrock-model": "amazon.titan-text:1",
    "prometheus-workspace": "ws-87654321-1234-1234-1234-123456789012",
    "private-ca": "87654321-1234-1234-1234-123456789012",
    "hosted-zone": "/hostedzone/Z0987654321ABC",
}
WITH_POLICY = [name for name in NAMES if get_preset(name).statements]


def preset_differs(change: tuple[str, str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the differences of the policy for one table after a replacement in its text."""
    document = json.loads(json.dumps(filled("dynamodb-read,table=orders").document).replace(*change))
    moved = moved_on("dynamodb-read-orders", document)
    return (moved.more, moved.fewer) if moved is not None else ((), ())


def test_policies_that_differ_from_their_preset() -> None:
    for name in NAMES:
        for optional in (False, True):
            permissions = filled(choice_of(name, optional=optional))
            assert (preset_of(permissions.name) is not None) is (permissions.document is not None)
            if permissions.document is not None:
                assert moved_on(permissions.name, permissions.document) is None, name
    permissions = filled("dynamodb-read,table=orders")
    assert permissions.document is not None
    old = json.loads(json.dumps(permissions.document).replace('"dynamodb:Scan"', '"dynamodb:ListStreams"'))
    moved = moved_on(permissions.name, old)
    assert moved is not None
    assert (moved.preset, moved.more, moved.fewer) == ("dynamodb-read", ("dynamodb:Scan",), ("dynamodb:ListStreams",))
    assert moved.sentence.endswith("which also has dynamodb:Scan and no longer has dynamodb:ListStreams")
    assert preset_differs(("table/orders/index/*", "table/*")) == (
        (ARN % ("dynamodb", "table/orders/index/*"),),
        (ARN % ("dynamodb", "table/*"),),
    )
    # other values, of another podid or by hand, are none of the preset's
    assert preset_differs(("orders", "carts")) == preset_differs(("111122223333", "444455556666")) == ((), ())
    # it only happens to be called so
    assert moved_on("s3-read-mine", {"Statement": [{"Sid": "Mine", "Action": "s3:*"}]}) is None
    assert moved_on("mine", old) is None


def older(document: Any) -> Any:
    """Return the policy of an older preset, with one more action."""
    changed = json.loads(json.dumps(document))
    changed["Statement"][0]["Action"] = [*changed["Statement"][0]["Action"], "sts:Old"]
    return changed


@table("name", WITH_POLICY)
@table("optional", [False, True])
def test_the_command_creates_the_current_policy(name: str, optional: bool) -> None:
    """The command has all values of the policy."""
    permissions = filled(choice_of(name, optional=optional))
    moved = moved_on(permissions.name, older(permissions.document))
    assert moved is not None
    assert fill(parse_choice(moved.choice), AROUND) == permissions
    place = ("--cluster", "demo") if get_preset(name).of_cluster else ()
    assert moved.command("r") == ("podid", "role", "attach", "r", "--preset", moved.choice, "--replace", *place)


@table("name", [name for name in WITH_POLICY if get_preset(name).parameters])
def test_several_values_and_another_region(name: str) -> None:
    preset = get_preset(name)
    pairs = [f"{p.name}={value}" for p in preset.parameters for value in (VALUES[p.form], OTHERS[p.form])]
    pairs += ["region=cn-northwest-1"] if any(p.name == "region" for p in preset.settable) else []
    permissions = fill(parse_choice(",".join((name, *pairs))), AROUND)
    moved = moved_on(permissions.name, older(permissions.document))
    assert moved is not None
    assert fill(parse_choice(moved.choice), AROUND) == permissions


def test_values_that_are_not_certain_are_omitted() -> None:
    permissions = filled("dynamodb-read,table=orders")
    renamed = moved_on("dynamodb-read-ours", older(permissions.document))
    assert renamed is not None
    assert (renamed.choice, renamed.command("r")) == ("", ("podid", "preset", "show", "dynamodb-read"))
