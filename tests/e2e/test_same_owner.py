"""An owner is the same in list, show, role show, role list, plan and export, whatever its evidence; a plan with
--take-over states how the owner reverts it."""

import json
from collections.abc import Callable

import pytest

from harness import one_in
from ops.change.test_guard_owners import STACK, TAGS, mark, with_custom_resources
from worlds import ACCOUNT, Site

ROLE = "shop-orders"
REF = "shop/orders"
CUSTOM = "AWS Controllers for Kubernetes shop/orders"


def by_tags(words: str) -> Callable[[Site], None]:
    def put(site: Site) -> None:
        mark(site, f"association {REF}", TAGS[words])
        mark(site, f"role {ROLE}", TAGS[words])

    return put


def by_stack(site: Site) -> None:
    """CloudFormation tags associations, not roles."""
    mark(site, f"association {REF}", STACK)
    site.box.world.stacks["shop"] = (ROLE,)


# owner of the association -> the evidence, and the words for the role's owner
OWNERS: dict[str, tuple[Callable[[Site], None], str]] = {
    **{words: (by_tags(words), words) for words in TAGS},
    "CloudFormation stack shop, whose role has no tags": (by_stack, "CloudFormation stack shop"),
    CUSTOM: (with_custom_resources, f"AWS Controllers for Kubernetes shop/{ROLE}"),
}


@pytest.mark.parametrize("owner", one_in(3, OWNERS))
def test_every_command_names_the_same_owner(healthy: Site, owner: str) -> None:
    put, of_role = OWNERS[owner]
    words, certain = owner.partition(",")[0].removeprefix("probably "), not owner.startswith("probably ")
    put(healthy)

    def named(document: dict[str, object] | None, expected: str) -> bool:
        assert document is not None
        assert document["certain"] is certain
        detail = document["detail"]
        return f"{document['tool']} {detail}".strip() == expected if detail else document["tool"] == expected

    item = healthy.must("list", "--columns", "owner", "-o", "json").json["items"][0]
    shown = healthy.must("show", REF, "-o", "json").json["owner"]
    assert named(item["owner"], words)
    assert shown == item["owner"]
    assert healthy.must("list", "--columns", "owner").stdout == f"{words}\n"
    tool = str(shown["tool"]).lower()
    (filtered,) = healthy.must("list", "--owner", tool, "-o", "json").json["items"]
    assert filtered == item
    assert healthy.must("list", "--owner", "none", "-o", "json").json["items"] == []
    role = healthy.must("role", "show", ROLE, "-o", "json").json["owner"]
    assert named(role, of_role.removeprefix("probably "))
    roles = {
        one["roleName"]: one["owner"] for one in healthy.must("role", "list", "--owners", "-o", "json").json["items"]
    }
    custom = owner == CUSTOM  # which one cluster has, and an account does not
    assert roles[ROLE] == (None if custom else role)
    # a file with the same settings, and one with others
    file = healthy.directory / "file.yaml"
    live = healthy.must("show", REF, "-o", "json").json
    row = {"serviceAccount": REF, "role": ROLE}
    head = {"apiVersion": "podid/v1", "kind": "PodIdentity", "metadata": {"name": "team"}}
    assert live["roleArn"].endswith(f"/{ROLE}")
    tags = {key: value for key, value in live["tags"].items() if not key.startswith("aws:")}
    file.write_text(json.dumps({**head, "associations": [{**row, "tags": tags}] if custom else [row]}))
    plan = healthy("plan", "-f", str(file), "-o", "json")
    assert (plan.code, plan.json["unchanged"]) == (0, 1), plan
    (note,) = (note for note in plan.json["notes"] if note.startswith(f"association {REF} "))
    assert words in note
    assert "by others" in note
    adopted = healthy("plan", "-f", str(file), "--adopt", "-o", "json")
    assert (adopted.code, adopted.json["changed"]) == (0, []), adopted  # nothing of a tool gets a mark
    file.write_text(json.dumps({**head, "associations": [{**row, "role": "storefront"}]}))
    (conflict,) = healthy("plan", "-f", str(file), "--adopt", "-o", "json").json["conflicts"]
    assert (conflict["target"], conflict["owner"]) == (REF, words)
    taken = healthy("plan", "-f", str(file), "--take-over", "-o", "json")
    assert taken.code == 3, taken
    assert [note for note in taken.json["notes"] if words in note and "by others" in note]
    exported = healthy("export")
    assert (f"the association of {REF} is managed by" in exported.stderr) is not custom


def test_owners_that_cannot_be_read_are_notes(healthy: Site) -> None:
    with_custom_resources(healthy)
    rules = [{"apiGroups": ["", "apps"], "resources": ["*"], "verbs": ["get", "list", "create", "patch"]}]
    env = healthy.user("limited", rules)
    listed = healthy("list", "--owner", "none", "-o", "json", env=env)
    assert (listed.code, len(listed.json["items"])) == (9, 1)
    listed = healthy("list", "--columns", "owner", env=env)
    assert (listed.code, listed.stdout) == (0, "-\n")
    assert "note: not checked: custom resources that own associations: " in listed.stderr
    healthy.box.world.credentials.deny("cloudformation:DescribeStackResources")
    shown = healthy("role", "show", ROLE, env=env)
    assert shown.code == 9  # this user may not read the states of the service accounts
    assert healthy("role", "show", ROLE).code == 0  # an unread stack is a detail
    for text in ("custom resource that owns the role: ", "stack that owns the role: "):
        assert f"Not checked: {text}" in shown.stdout
    listed = healthy("role", "list", "--owners")
    assert "note: not checked: the stacks of roles: requires cloudformation:DescribeStackResources" in listed.stderr
    assert ACCOUNT in healthy("role", "list", "-o", "json").stdout
