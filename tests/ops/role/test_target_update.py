"""Role chaining with --update-trust: both roles in one plan, one run and one undo."""

import json
import shlex
from pathlib import Path

import pytest

from harness import Podid
from ops.change.support import account_state, writes
from ops.role.targets import (
    BASE,
    CREATE_CHAIN,
    OTHER,
    OWN,
    ROOT,
    WAYS,
    arn,
    bound,
    make_target,
    owner_changes,
    owner_statements,
    profile,
    trust_of,
)
from podid.domain import trust
from podid.sandbox.box import Sandbox
from podid.sandbox.world import Limits


@pytest.mark.parametrize(("way", "owner"), [("create", OWN), ("associate", OTHER)])
def test_both_roles_are_one_plan_one_run_and_one_undo(
    box: Sandbox,
    podid: Podid,
    journal: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    way: str,
    owner: str,
) -> None:
    make_target(box, owner, ROOT)
    before = account_state(box), trust_of(box, owner)
    other = () if owner == OWN else ("--target-profile", profile(box, tmp_path, owner, monkeypatch))
    command = (*WAYS[way].split(), arn(owner), *other, "--update-trust", "-o", "json")

    plan = podid(*command, "--dry-run").json
    assert trust_of(box, owner) == before[1]
    outcome = podid(*command)

    assert outcome.code == 0, outcome
    changed = [item for item in outcome.json["actions"] if item["kind"] == "target-trust"]
    assert [(item["target"], item["status"]) for item in changed] == [(arn(owner), "done")]
    assert [item["target"] for item in plan["actions"]] == [item["target"] for item in outcome.json["actions"]]
    first, second = trust_of(box, owner)["Statement"]
    assert (first, second["Principal"]) == (ROOT, {"AWS": BASE})
    assert second["Condition"]["StringEquals"]["aws:RequestTag/kubernetes-service-account"] == "orders"
    again = podid(*command)
    assert (again.code, again.json["runId"]) == (0, None)
    assert f"target role {arn(owner)} allows role shop-orders to assume it for shop/orders" in again.json["notes"]
    assert podid("undo", "last", "--yes").code == 0
    assert (account_state(box), trust_of(box, owner)) == before


def test_an_existing_role_gets_a_target_role(box: Sandbox, podid: Podid, journal: Path) -> None:
    assert podid("role", "create", "shop-orders", "--for", "shop/orders").code == 0
    make_target(box, OWN, ROOT)
    argv = ("associate", "shop/orders", "--role", "shop-orders", "--target-role", arn(OWN), "--wait", "none")
    plan = podid(*argv, "--dry-run", "-o", "json").json
    assert [item["verdict"] for item in plan["targetRoles"]] == ["no-match"]
    elsewhere = podid(*argv[:-3], arn(OTHER), "--wait", "none", "--dry-run", "-o", "json").json
    assert [item["verdict"] for item in elsewhere["targetRoles"]] == ["unknown"]
    done = podid(*argv, "--update-trust", "-o", "json")
    assert [item["kind"] for item in done.json["actions"]] == ["target-trust", "association"]
    assert done.json["targetRoles"] == []
    assert [item["Principal"]["AWS"] for item in trust_of(box, OWN)["Statement"]][1:] == [BASE]


UNTAGGED = ("--target-role", arn(OWN), "--no-session-tags", "--wait", "none")
ONE_RUN = {
    "a new role": ("associate", "shop/orders", "--create-role", "--role", "shop-orders"),
    "two service accounts of an existing role": ("associate", "shop/orders", "shop/cart", "--role", "shop-orders"),
    "an existing association": ("associate", "shop/orders", "--replace"),
}


def external_ids(box: Sandbox) -> list[str]:
    statements = trust_of(box, OWN)["Statement"]
    return [item["Condition"]["StringEquals"]["sts:ExternalId"] for item in statements if "Condition" in item]


@pytest.mark.parametrize("name", ONE_RUN)
def test_without_session_tags_one_run_allows_both_hops(
    box: Sandbox, podid: Podid, journal: Path, tmp_path: Path, name: str
) -> None:
    """EKS creates the external ID with the association, so the target role is changed after it."""
    make_target(box, OWN, ROOT)
    if name != "a new role":
        line = ("role", "create", "shop-orders", "--for", "shop/orders", "--scope", "cluster", "--no-session-tags")
        assert podid(*line, "--policy-file", str(policy(tmp_path))).code == 0
    if name == "an existing association":
        assert podid("associate", "shop/orders", "--role", "shop-orders", *UNTAGGED[2:]).code == 0
    before = account_state(box), trust_of(box, OWN)
    argv = (*ONE_RUN[name], *UNTAGGED, "--update-trust", "-o", "json")
    plan = podid(*argv, "--dry-run")
    assert (plan.code, [item["kind"] for item in plan.json["actions"]][-1]) == (0, "target-trust")
    assert bound(plan.json["actions"][-1]["after"]["policyDocument"]["Statement"][1:])

    done = podid(*argv)

    assert done.code == 0, done
    assert {item["status"] for item in done.json["actions"]} <= {"done", "unchanged"}
    refs = ["shop/orders", "shop/cart"] if name == "two service accounts of an existing role" else ["shop/orders"]
    assert external_ids(box) == [f"us-west-2/{OWN}/demo/{ref}" for ref in refs]
    written = next(item for item in done.json["actions"] if item["kind"] == "target-trust")
    assert written["after"]["policyDocument"] == trust_of(box, OWN)
    assert done.json["targetRoles"] == []
    if name == "a new role":
        hop = podid("show", "shop/orders", "-o", "json").json["secondHop"]
        assert [item for item in hop["findings"] if item["severity"] == "error"] == []
    assert podid(*argv).json["runId"] is None
    assert podid("undo", "last", "--yes").code == 0
    assert (account_state(box), trust_of(box, OWN)) == before


def policy(directory: Path) -> Path:
    """Write the policy that allows the role to assume the target role."""
    path = directory / "assume-reports.json"
    path.write_text(json.dumps(trust.base_role_permissions(arn(OWN))))
    return path


@pytest.mark.parametrize("quiet", [(), ("-q",)])
def test_without_update_trust_the_statement_is_in_the_result(
    box: Sandbox, podid: Podid, journal: Path, quiet: tuple[str, ...]
) -> None:
    """Exit 3, the statement with the external ID, and the next command."""
    make_target(box, OWN, ROOT)
    argv = (*ONE_RUN["a new role"], *UNTAGGED, *quiet)
    for flags in (argv, argv):
        done = podid(*flags)
        assert done.code == 3, done
        statements = owner_statements(done.stdout)
        assert statements[0]["Condition"] == {"StringEquals": {"sts:ExternalId": f"us-west-2/{OWN}/demo/shop/orders"}}
        assert shlex.join(("podid", *argv, "--update-trust")) in done.stdout
    assert podid(*argv, "--update-trust").code == 0
    assert len(external_ids(box)) == 1


def test_an_external_id_that_is_already_allowed(box: Sandbox, podid: Podid, journal: Path) -> None:
    """The association was deleted and is created again with the same ID."""
    make_target(box, OWN, ROOT)
    argv = (*ONE_RUN["a new role"], *UNTAGGED, "--update-trust", "-o", "json")
    assert podid(*argv).code == 0
    count = len(trust_of(box, OWN)["Statement"])
    assert podid("disassociate", "shop/orders", "--yes", "--wait", "none").code == 0
    again = podid(*argv)
    assert again.code == 0, again
    assert [item["status"] for item in again.json["actions"] if item["kind"] == "target-trust"] == ["unchanged"]
    assert len(trust_of(box, OWN)["Statement"]) == count
    assert podid("disassociate", "shop/orders", "--yes", "--wait", "none").code == 0
    kept = podid(*[word for word in argv if word != "--update-trust"])
    assert (kept.code, kept.json["targetRoles"]) == (0, [])
    other = ("associate", "shop/cart", "--role", "shop-orders", *UNTAGGED, "-o", "json")
    opened = ("role", "create", "shop-orders", "--for", "shop/cart", "--no-session-tags", "--update-trust")
    assert podid(*opened).code == 0
    shut = podid(*other)
    assert (shut.code, [item["verdict"] for item in shut.json["targetRoles"]]) == (3, ["no-match"])
    assert podid(*shut.json["targetRoles"][0]["command"][1:]).code == 0


def test_an_association_that_fails_changes_no_target(box: Sandbox, podid: Podid, journal: Path) -> None:
    make_target(box, OWN, ROOT)
    box.world.limits = Limits(associations_per_cluster=0)
    failed = podid(*ONE_RUN["a new role"], *UNTAGGED, "--update-trust", "-o", "json")
    assert (failed.code, failed.stdout) == (6, ""), failed
    assert len(trust_of(box, OWN)["Statement"]) == 1
    assert "shop-orders" not in account_state(box)["roles"]


@pytest.mark.parametrize("way", WAYS)
def test_a_target_role_that_cannot_be_changed(
    box: Sandbox, podid: Podid, journal: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """The role is complete, and the statement for the owner is in the result."""
    make_target(box, OTHER, ROOT)
    name = profile(box, tmp_path, OTHER, monkeypatch)
    box.world.credentials.deny("iam:UpdateAssumeRolePolicy")
    outcome = podid(*WAYS[way].split(), arn(OTHER), "--target-profile", name, "--update-trust", "-o", "json")
    assert outcome.code == 8
    assert [(item["kind"], item["status"]) for item in outcome.json["actions"]][:3] == [
        ("role", "done"),
        ("role-policy", "done"),
        ("target-trust", "failed"),
    ]
    assert "iam:UpdateAssumeRolePolicy" in outcome.stderr
    assert len(owner_changes(outcome.json)) == 1
    assert "shop-orders" in account_state(box)["roles"]


def test_undo_with_a_profile_of_another_account_changes_nothing(
    box: Sandbox, podid: Podid, journal: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_target(box, OTHER, ROOT)
    make_target(box, "123123123123", ROOT)
    name = profile(box, tmp_path, OTHER, monkeypatch)
    assert podid(*CREATE_CHAIN, arn(OTHER), "--target-profile", name, "--update-trust").code == 0
    profile(box, tmp_path, "123123123123", monkeypatch)
    count = writes(box)
    assert (podid("undo", "last", "--yes").code, writes(box)) == (6, count)
