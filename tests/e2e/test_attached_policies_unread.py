"""A caller without iam:ListAttachedRolePolicies does not know the attached policies of a role: it may have some."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from worlds import Site

PERMISSION = "iam:ListAttachedRolePolicies"
ROLE = "shop-orders"
S3 = "AmazonS3ReadOnlyAccess"


def declared(site: Site) -> str:
    path = site.directory / "identities.yaml"
    role = {"name": ROLE, "policies": [{"managed": f"arn:aws:iam::aws:policy/{S3}"}], "subjects": ["shop/orders"]}
    document = {"apiVersion": "podid/v1", "kind": "PodIdentity", "metadata": {"name": "shop"}, "roles": [role]}
    path.write_text(json.dumps(document))
    return f"plan -f {path}"


def session_policy(site: Site) -> str:
    path = Path(site.policy_file())
    return f"associate shop/orders --no-session-tags --session-policy {path} --update-trust --replace --dry-run"


def created(site: Site) -> str:
    site.must("role", "create", "new", "--for", "shop/new", "--managed-policy", S3)
    return "undo last --yes"


def attached(site: Site) -> str:
    site.must("role", "attach", ROLE, "--managed-policy", S3, "--adopt")
    return "undo last --yes"


def line(text: str) -> Callable[[Site], str]:
    return lambda _: text


COMMANDS: dict[str, Callable[[Site], str]] = {
    "role show": line(f"role show {ROLE}"),
    "role attach": line(f"role attach {ROLE} --managed-policy {S3} --adopt --dry-run"),
    "role detach": line(f"role detach {ROLE} --managed-policy {S3} --adopt --dry-run"),
    "role create": line(f"role create {ROLE} --for shop/orders --managed-policy {S3} --adopt --dry-run"),
    "role delete": line("role delete irsa-reports --adopt --dry-run"),
    "plan": declared,
    "export": line("export --cluster demo"),
    "right-size": line("right-size shop/orders"),
    "privileges": line("privileges shop/orders"),
    "doctor": line("doctor shop/orders"),
    "audit": line("audit"),
    "session policy": session_policy,
    "undo of a creation": created,
    "undo of an attachment": attached,
}


@pytest.mark.parametrize("name", COMMANDS)
def test_attached_policies_that_cannot_be_read_are_not_absent(healthy: Site, name: str) -> None:
    words = COMMANDS[name](healthy).split()
    healthy.box.world.credentials.deny(PERMISSION)
    outcome = healthy(*words)
    assert outcome.code != 0 or name in ("role show", "session policy", "audit"), outcome
    assert PERMISSION in outcome.stdout + outcome.stderr, outcome
