"""`role create --target-role` and the target role in one account and across two."""

import json
import shlex
from pathlib import Path

import pytest

from harness import Podid
from ops.change.support import account_state, writes
from ops.role.support import (
    BASE,
    CREATE_CHAIN,
    OTHER,
    OWN,
    ROOT,
    WAYS,
    arn,
    bound,
    make_target,
    names_role,
    owner_changes,
    owner_statements,
    profile,
    trust_of,
)
from podid.domain import trust
from podid.sandbox.baseline import add_role, pods_trust
from podid.sandbox.box import Sandbox
from podid.sandbox.world import Limits


@pytest.mark.parametrize("owner", [OWN, OTHER])
def test_the_role_is_created_and_the_owner_must_add_a_statement(
    box: Sandbox, podid: Podid, journal: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: str
) -> None:
    make_target(box, owner, names_role("somebody"))
    other = () if owner == OWN else ("--target-profile", profile(box, tmp_path, owner, monkeypatch))
    command = (*CREATE_CHAIN, arn(owner), *other, "--force", "-o", "json")

    outcome = podid(*command)

    assert outcome.code == 3, outcome
    assert outcome.json["targetRoles"][0]["command"] == ["podid", *command, "--update-trust"]
    assert account_state(box)["roles"]["shop-orders"]["inline"] == {
        "assume-reports": trust.base_role_permissions(arn(owner))
    }
    assert any("does not allow role shop-orders to assume it for shop/orders" in n for n in outcome.json["notes"])
    statements = owner_changes(outcome.json)
    box.iam.role_named(owner, "reports").assume_role_policy_document = json.dumps(
        {"Version": "2012-10-17", "Statement": statements}
    )
    again = podid(*command)
    assert (again.code, again.json["runId"]) == (0, None)
    assert again.json["notes"][0] == f"target role {arn(owner)} allows role shop-orders to assume it for shop/orders"
    assert again.json["targetRoles"] == []
    assert statements[0]["Principal"] == {"AWS": BASE}
    tags = statements[0]["Condition"]["StringEquals"]
    assert tags["aws:RequestTag/kubernetes-service-account"] == "orders"


@pytest.mark.parametrize("flags", [("--dry-run",), ("--update-trust",), ()])
def test_without_session_tags_the_command_for_the_external_ids_is_in_the_result(
    box: Sandbox, podid: Podid, journal: Path, flags: tuple[str, ...]
) -> None:
    """They are known once the associations exist, which require the role."""
    add_role(box.world, box.iam, "somebody", pods_trust())
    make_target(box, OWN, names_role("somebody"))
    line = (*CREATE_CHAIN, arn(OWN), "--no-session-tags", "--for", "shop/cart", "-c", "demo")
    outcome = podid(*line, *flags, "-o", "json")
    assert outcome.code == (0 if flags == ("--dry-run",) else 3), outcome.stderr
    (change,) = outcome.json["targetRoles"]
    assert [item["Action"] for item in change["addToTrustPolicy"]] == [
        *(["sts:AssumeRole"], ["sts:TagSession"]),
        ["sts:AssumeRole"],
    ]
    assert bound(change["addToTrustPolicy"])
    assert (change["verdict"], change["externalIdOf"]) == ("no-match", ["shop/cart", "shop/orders"])
    command = ("associate", "shop/orders", "shop/cart", "--role", "shop-orders", "--target-role", arn(OWN))
    assert change["command"] == ["podid", *command, "--no-session-tags", "--update-trust", "--cluster", "demo"]
    assert shlex.join(change["command"]) in podid(*line, *flags, "-q").stdout
    if "--dry-run" not in flags:
        assert podid(*change["command"][1:], "--wait", "none").code == 0
        after = trust_of(box, OWN)["Statement"]
        assert [item["Condition"]["StringEquals"]["sts:ExternalId"] for item in after if "Condition" in item] == [
            f"us-west-2/{OWN}/demo/shop/orders",
            f"us-west-2/{OWN}/demo/shop/cart",
        ]


def test_a_target_role_of_another_account_is_not_checked(box: Sandbox, podid: Podid, journal: Path) -> None:
    plan = podid(*CREATE_CHAIN, arn(OTHER), "--dry-run", "-o", "json").json
    assert plan["notes"][0].startswith(f"target role {arn(OTHER)} was not checked: it is in account {OTHER}")
    assert "--target-profile" in plan["notes"][0]
    (statement,) = owner_changes(plan)
    assert statement["Principal"] == {"AWS": BASE}
    assert plan["targetRoles"][0]["verdict"] == "unknown"
    assert podid(*CREATE_CHAIN, arn(OTHER)).code == 0


@pytest.mark.parametrize(
    ("way", "owner", "flags"), [("create", OWN, ("--force",)), ("associate", OTHER, ("--no-session-tags",))]
)
def test_a_command_for_a_target_role_that_does_not_exist(
    box: Sandbox,
    podid: Podid,
    journal: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    way: str,
    owner: str,
    flags: tuple[str, ...],
) -> None:
    """It is an error before the first write."""
    other = () if owner == OWN else ("--target-profile", profile(box, tmp_path, owner, monkeypatch))
    outcome = podid(*WAYS[way].split(), arn(owner), *other, *flags, "-o", "json")
    assert (outcome.code, outcome.stdout, writes(box)) == (5, "", 0), outcome
    assert outcome.error["message"] == f"The target role {arn(owner)} does not exist"


def test_an_association_for_a_target_role_that_does_not_exist(box: Sandbox, podid: Podid, journal: Path) -> None:
    """EKS accepts it for an existing role; podid does not if it must change the target role."""
    add_role(box.world, box.iam, "open", pods_trust())
    line = ("associate", "shop/orders", "--role", "open", "--wait", "none", "--target-role", arn(OWN))
    assert (podid(*line, "--update-trust").code, writes(box)) == (5, 0)
    assert podid(*line).code == 3


@pytest.mark.parametrize("owner", [OWN, OTHER])
def test_a_target_role_that_does_not_allow_the_new_role(
    box: Sandbox, podid: Podid, journal: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: str
) -> None:
    """An incomplete chain is an error before the first write, unless the user insists."""
    helps = owner == OWN
    add_role(box.world, box.iam, "somebody", pods_trust())
    make_target(box, owner, *((names_role("somebody"),) if helps else (names_role(), names_role(Effect="Deny"))))
    other = () if owner == OWN else ("--target-profile", profile(box, tmp_path, owner, monkeypatch))
    line = (*CREATE_CHAIN, arn(owner), *other, "-o", "json")
    refused = podid(*line)
    assert (refused.code, refused.stdout, writes(box)) == (6, "", 0)
    assert refused.error["message"].startswith(
        f"Target role {arn(owner)} does not allow role shop-orders to assume it for"
    )
    option = "--update-trust" if helps else "--force"
    assert refused.error["hint"] == (shlex.join(("podid", *line, option)) if helps else None)
    if not helps:
        assert podid(*line, "--update-trust").code == 6
    created = podid(*line, option)
    assert created.code == (0 if helps else 3), created
    assert "shop-orders" in account_state(box)["roles"]


def test_a_profile_of_another_account_is_refused(
    box: Sandbox, podid: Podid, journal: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = profile(box, tmp_path, "123123123123", monkeypatch)
    outcome = podid(*CREATE_CHAIN, arn(OTHER), "--target-profile", name, "-o", "json")
    assert (outcome.code, outcome.stdout, writes(box)) == (2, "", 0)
    assert all(word in outcome.error["message"] for word in ("123123123123", OTHER))


def test_show_has_no_finding_of_the_complete_chain(box: Sandbox, podid: Podid, journal: Path) -> None:
    """The owner has added the statement."""
    make_target(box, OWN)
    outcome = podid(*CREATE_CHAIN, arn(OWN), "--force", "-o", "json")
    box.iam.role_named(OWN, "reports").assume_role_policy_document = json.dumps(
        {"Version": "2012-10-17", "Statement": owner_changes(outcome.json)}
    )
    associate = ("associate", "shop/orders", "--role", "shop-orders", "--target-role", arn(OWN), "--wait", "none")
    assert podid(*associate).code == 0
    hop = podid("show", "shop/orders", "-o", "json").json["secondHop"]
    assert (hop["verdict"], hop["findings"]) == ("match", [])


def test_a_boundary_that_denies_the_chain_is_a_note(box: Sandbox, podid: Podid, journal: Path) -> None:
    """The role has the policy, but a boundary limits it."""
    make_target(box, OWN, names_role("shop-orders"))
    bounded = (*CREATE_CHAIN, arn(OWN), "--boundary", "AmazonS3ReadOnlyAccess", "-o", "json")
    first = podid(*bounded).json["notes"]
    assert f"must also allow sts:AssumeRole on {arn(OWN)}" in "\n".join(first)
    note = f"role shop-orders cannot assume {arn(OWN)}: its permissions boundary does not allow sts:AssumeRole"
    assert note in podid(*bounded).json["notes"]
    box.world.credentials.deny("iam:SimulatePrincipalPolicy")
    assert any(note.endswith("requires iam:SimulatePrincipalPolicy") for note in podid(*bounded).json["notes"])


# --- with --update-trust ----------------------------------------------------------------------------------------------


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
