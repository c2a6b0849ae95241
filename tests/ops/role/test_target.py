"""`role create --target-role`: both sides of a chain, in one account and across two."""

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from harness import Podid
from ops.change.support import account_state, writes
from podid.domain import trust
from podid.sandbox.baseline import add_role, pods_trust
from podid.sandbox.box import Sandbox
from podid.sandbox.world import Limits

OWN, OTHER = "111122223333", "999988887777"
BASE = f"arn:aws:iam::{OWN}:role/shop-orders"
CREATE = ("role", "create", "shop-orders", "--for", "shop/orders", "--target-role")
ROOT = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{OTHER}:root"}, "Action": "sts:AssumeRole"}
ADD = "must add to its trust policy: "


def arn(account: str) -> str:
    return f"arn:aws:iam::{account}:role/reports"


def make_target(box: Sandbox, account: str, *statements: Any) -> None:
    document = {"Version": "2012-10-17", "Statement": list(statements)}
    box.iam.make_role(account, "reports", json.dumps(document))


def names_role(name: str = "shop-orders", **more: Any) -> dict[str, Any]:
    principal = {"AWS": f"arn:aws:iam::{OWN}:role/{name}"}
    return {"Effect": "Allow", "Principal": principal, "Action": ["sts:AssumeRole", "sts:TagSession"], **more}


def profile(box: Sandbox, directory: Path, account: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """An AWS profile with the rights of an administrator of that account."""
    key = box.world.credentials.add_user("auditor", account=account)
    file = directory / "credentials"
    file.write_text(
        f"[theirs]\naws_access_key_id = {key.access_key_id}\naws_secret_access_key = {key.secret_access_key}\n"
    )
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    return "theirs"


def told(text: str) -> list[Any]:
    """The statements that the owner is told to add, of what a person reads."""
    found = [json.loads(line.partition(ADD)[2]) for line in text.splitlines() if ADD in line]
    return [item for each in found for item in (each if isinstance(each, list) else [each])]


def owner_changes(document: Any) -> list[Any]:
    """The same of a plan or a result."""
    return [statement for target in document["targetRoles"] for statement in target["addToTrustPolicy"]]


def bound(statements: list[Any]) -> bool:
    """Whether each that lets the role in says for whom."""
    return all("Condition" in item for item in statements if "sts:AssumeRole" in item["Action"])


@pytest.mark.parametrize("where", [OWN, OTHER])
def test_the_base_may_go_on_and_the_owner_is_told_what_to_add(
    box: Sandbox, podid: Podid, journal: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    account = where
    make_target(box, account, names_role("somebody"))
    other = () if account == OWN else ("--target-profile", profile(box, tmp_path, account, monkeypatch))
    command = (*CREATE, arn(account), *other, "--force", "-o", "json")

    outcome = podid(*command)

    assert outcome.code == 3, outcome
    assert outcome.json["targetRoles"][0]["command"] == ["podid", *command, "--update-trust"]
    assert account_state(box)["roles"]["shop-orders"]["inline"] == {
        "assume-reports": trust.base_role_permissions(arn(account))
    }
    assert any("does not allow role shop-orders to assume it for shop/orders" in n for n in outcome.json["notes"])
    statements = owner_changes(outcome.json)
    box.iam.role_named(account, "reports").assume_role_policy_document = json.dumps(
        {"Version": "2012-10-17", "Statement": statements}
    )
    again = podid(*command)
    assert (again.code, again.json["runId"]) == (0, None)
    assert again.json["notes"][0] == f"target role {arn(account)} allows role shop-orders to assume it for shop/orders"
    assert again.json["targetRoles"] == []
    assert statements[0]["Principal"] == {"AWS": BASE}
    tags = statements[0]["Condition"]["StringEquals"]
    assert tags["aws:RequestTag/kubernetes-service-account"] == "orders"


@pytest.mark.parametrize("flags", [("--dry-run",), ("--update-trust",), ()])
def test_without_session_tags_the_external_ids_are_asked_for(
    box: Sandbox, podid: Podid, journal: Path, flags: tuple[str, ...]
) -> None:
    """They are known once there are associations, and those need the role: the line for them is part of the result."""
    add_role(box.world, box.iam, "somebody", pods_trust())
    make_target(box, OWN, names_role("somebody"))
    line = (*CREATE, arn(OWN), "--no-session-tags", "--for", "shop/cart", "-c", "demo")
    found = podid(*line, *flags, "-o", "json")
    assert found.code == (0 if flags == ("--dry-run",) else 3), found.stderr
    (theirs,) = found.json["targetRoles"]
    assert [item["Action"] for item in theirs["addToTrustPolicy"]] == [
        *(["sts:AssumeRole"], ["sts:TagSession"]),
        ["sts:AssumeRole"],
    ]
    assert bound(theirs["addToTrustPolicy"])
    assert (theirs["verdict"], theirs["externalIdOf"]) == ("no-match", ["shop/cart", "shop/orders"])
    command = ("associate", "shop/orders", "shop/cart", "--role", "shop-orders", "--target-role", arn(OWN))
    assert theirs["command"] == ["podid", *command, "--no-session-tags", "--update-trust", "--cluster", "demo"]
    assert shlex.join(theirs["command"]) in podid(*line, *flags, "-q").stdout
    if "--dry-run" not in flags:
        assert podid(*theirs["command"][1:], "--wait", "none").code == 0
        after = trust_of(box, OWN)["Statement"]
        assert [item["Condition"]["StringEquals"]["sts:ExternalId"] for item in after if "Condition" in item] == [
            f"us-west-2/{OWN}/demo/shop/orders",
            f"us-west-2/{OWN}/demo/shop/cart",
        ]


def test_a_target_that_cannot_be_looked_at_is_not_looked_at(box: Sandbox, podid: Podid, journal: Path) -> None:
    plan = podid(*CREATE, arn(OTHER), "--dry-run", "-o", "json").json
    assert plan["notes"][0].startswith(f"target role {arn(OTHER)} was not checked: it is in account {OTHER}")
    assert "--target-profile" in plan["notes"][0]
    (statement,) = owner_changes(plan)
    assert statement["Principal"] == {"AWS": BASE}
    assert plan["targetRoles"][0]["verdict"] == "unknown"
    assert podid(*CREATE, arn(OTHER)).code == 0


@pytest.mark.sampled(3)
@pytest.mark.parametrize("more", [(), ("--update-trust",), ("--force",), ("--no-session-tags",), ("--dry-run",)])
@pytest.mark.parametrize("way", ["create", "associate"])
@pytest.mark.parametrize("where", [OWN, OTHER])
def test_a_target_that_does_not_exist(
    box: Sandbox,
    podid: Podid,
    journal: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    where: str,
    way: str,
    more: tuple[str, ...],
) -> None:
    """Known before the first write."""
    other = () if where == OWN else ("--target-profile", profile(box, tmp_path, where, monkeypatch))
    flags = [flag for flag in more if flag != "--force" or way == "create"]
    outcome = podid(*WAYS[way].split(), arn(where), *other, *flags, "-o", "json")
    assert (outcome.code, outcome.stdout, writes(box)) == (5, "", 0), outcome
    assert outcome.error["message"] == f"The target role {arn(where)} does not exist"


def test_a_target_that_does_not_exist_and_was_to_be_changed(box: Sandbox, podid: Podid, journal: Path) -> None:
    """Only named for a role that is there, it is EKS's affair, which takes it."""
    add_role(box.world, box.iam, "open", pods_trust())
    line = ("associate", "shop/orders", "--role", "open", "--wait", "none", "--target-role", arn(OWN))
    assert (podid(*line, "--update-trust").code, writes(box)) == (5, 0)
    assert podid(*line).code == 3


REFUSED = {
    "nobody": (),
    "somebody else": (names_role("somebody"),),
    "one action": (names_role() | {"Action": "sts:AssumeRole"},),
    "another service account": (
        names_role(Condition={"StringEquals": {"aws:RequestTag/kubernetes-service-account": "cart"}}),
    ),
    "a Deny": (names_role(), names_role(Effect="Deny")),
}


@pytest.mark.parametrize("statements", REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("where", [OWN, OTHER])
def test_a_target_that_keeps_the_role_out(
    box: Sandbox,
    podid: Podid,
    journal: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    where: str,
    statements: tuple[Any, ...],
) -> None:
    """Half a chain is refused before the first write, and made where that is insisted on."""
    add_role(box.world, box.iam, "somebody", pods_trust())
    make_target(box, where, *statements)
    other = () if where == OWN else ("--target-profile", profile(box, tmp_path, where, monkeypatch))
    line = (*CREATE, arn(where), *other, "-o", "json")
    helps = all(item["Effect"] == "Allow" for item in statements)
    refused = podid(*line)
    assert (refused.code, refused.stdout, writes(box)) == (6, "", 0)
    assert refused.error["message"].startswith(
        f"Target role {arn(where)} does not allow role shop-orders to assume it for"
    )
    mends = "--update-trust" if helps else "--force"
    assert refused.error["hint"] == shlex.join(("podid", *line, mends))
    if not helps:
        assert podid(*line, "--update-trust").code == 6
    made = podid(*line, mends)
    assert made.code == (0 if helps else 3), made
    assert "shop-orders" in account_state(box)["roles"]


def test_a_profile_of_another_account_is_refused(
    box: Sandbox, podid: Podid, journal: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = profile(box, tmp_path, "123123123123", monkeypatch)
    outcome = podid(*CREATE, arn(OTHER), "--target-profile", name, "-o", "json")
    assert (outcome.code, outcome.stdout, writes(box)) == (2, "", 0)
    assert all(word in outcome.error["message"] for word in ("123123123123", OTHER))


def test_a_profile_without_a_target(box: Sandbox, podid: Podid, journal: Path) -> None:
    outcome = podid("role", "create", "x", "--for", "shop/orders", "--target-profile", "p", "-o", "json")
    assert (outcome.code, outcome.error["code"]) == (2, "Usage")


@pytest.mark.parametrize("where", [OWN, OTHER])
def test_printing_prints_both_sides(box: Sandbox, podid: Podid, journal: Path, where: str) -> None:
    """The target's side is beside the role, where the form has a place that changes nothing."""
    make_target(box, where, ROOT)
    printed = {form: podid(*CREATE, arn(where), "--print", form) for form in ("json", "terraform", "cloudformation")}
    assert ([one.code for one in printed.values()], writes(box)) == ([0, 0, 0], 0)
    assert all("reports" in one.stdout and ADD in one.stderr for one in printed.values())
    whole, template = json.loads(printed["json"].stdout), json.loads(printed["cloudformation"].stdout)
    beside = whole.pop("TargetRole")
    assert beside == {"RoleArn": arn(where), "AddToTrustPolicy": told(printed["json"].stderr)}
    assert template["Metadata"] == {"TargetRole": beside}
    (resource,) = template["Resources"].values()
    assert resource["Properties"] == whole
    role, _, comment = printed["terraform"].stdout.partition(f"\n# The owner of target role {arn(where)} must add")
    assert "#" not in role
    lines = comment.splitlines()[1:]
    assert json.loads("".join(line.removeprefix("# ") for line in lines)) == beside["AddToTrustPolicy"]
    associate = podid(*WAYS["associate"].split(), arn(where), "--print", "terraform")
    assert (associate.code, ADD in associate.stderr) == (0, True)
    assert associate.stdout.endswith(comment)


def test_a_target_that_lets_the_role_in_is_owed_nothing(box: Sandbox, podid: Podid, journal: Path) -> None:
    make_target(box, OWN, names_role())
    assert "TargetRole" not in podid(*CREATE, arn(OWN), "--print", "json").stdout
    make_target(box, OTHER)
    untagged = json.loads(podid(*CREATE, arn(OTHER), "--no-session-tags", "--print", "json").stdout)["TargetRole"]
    assert "external id" in untagged["Notes"][0]
    assert bound(untagged["AddToTrustPolicy"])


def test_the_chain_works_end_to_end(box: Sandbox, podid: Podid, journal: Path) -> None:
    """What was told, done: `show` finds nothing wrong with the second hop."""
    make_target(box, OWN)
    outcome = podid(*CREATE, arn(OWN), "--force", "-o", "json")
    box.iam.role_named(OWN, "reports").assume_role_policy_document = json.dumps(
        {"Version": "2012-10-17", "Statement": owner_changes(outcome.json)}
    )
    associate = ("associate", "shop/orders", "--role", "shop-orders", "--target-role", arn(OWN), "--wait", "none")
    assert podid(*associate).code == 0
    hop = podid("show", "shop/orders", "-o", "json").json["secondHop"]
    assert (hop["verdict"], hop["findings"]) == ("match", [])


# --- --update-trust writes the target's side, too -------------------------------------------------------------------

WAYS = {
    "create": "role create shop-orders --for shop/orders --target-role",
    "associate": "associate shop/orders --create-role --role shop-orders --wait none --target-role",
}


def trust_of(box: Sandbox, account: str) -> Any:
    return json.loads(box.iam.role_named(account, "reports").assume_role_policy_document)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("where", [OWN, OTHER])
def test_both_sides_are_one_plan_one_run_and_one_undo(
    box: Sandbox,
    podid: Podid,
    journal: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    where: str,
    way: str,
) -> None:
    account = where
    make_target(box, account, ROOT)
    before = account_state(box), trust_of(box, account)
    other = () if account == OWN else ("--target-profile", profile(box, tmp_path, account, monkeypatch))
    command = (*WAYS[way].split(), arn(account), *other, "--update-trust", "-o", "json")

    plan = podid(*command, "--dry-run").json
    assert trust_of(box, account) == before[1]
    outcome = podid(*command)

    assert outcome.code == 0, outcome
    changed = [item for item in outcome.json["actions"] if item["kind"] == "target-trust"]
    assert [(item["target"], item["status"]) for item in changed] == [(arn(account), "done")]
    assert [item["target"] for item in plan["actions"]] == [item["target"] for item in outcome.json["actions"]]
    first, second = trust_of(box, account)["Statement"]
    assert (first, second["Principal"]) == (ROOT, {"AWS": BASE})
    assert second["Condition"]["StringEquals"]["aws:RequestTag/kubernetes-service-account"] == "orders"
    again = podid(*command)
    assert (again.code, again.json["runId"]) == (0, None)
    assert f"target role {arn(account)} allows role shop-orders to assume it for shop/orders" in again.json["notes"]
    assert podid("undo", "last", "--yes").code == 0
    assert (account_state(box), trust_of(box, account)) == before


def test_an_association_that_gets_a_target_role(box: Sandbox, podid: Podid, journal: Path) -> None:
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
    "a role that is there": ("associate", "shop/orders", "--role", "shop-orders"),
    "two service accounts": ("associate", "shop/orders", "shop/cart", "--role", "shop-orders"),
    "an association that is there": ("associate", "shop/orders", "--replace"),
}


def external_ids(box: Sandbox) -> list[str]:
    statements = trust_of(box, OWN)["Statement"]
    return [item["Condition"]["StringEquals"]["sts:ExternalId"] for item in statements if "Condition" in item]


@pytest.mark.parametrize("name", ONE_RUN)
def test_without_session_tags_one_run_makes_both_hops(
    box: Sandbox, podid: Podid, journal: Path, tmp_path: Path, name: str
) -> None:
    """EKS generates the external id with the association, and the target's trust demands it: it comes after it."""
    make_target(box, OWN, ROOT)
    if name != "a new role":
        line = ("role", "create", "shop-orders", "--for", "shop/orders", "--scope", "cluster", "--no-session-tags")
        assert podid(*line, "--policy-file", str(policy(tmp_path))).code == 0
    if name == "an association that is there":
        assert podid("associate", "shop/orders", "--role", "shop-orders", *UNTAGGED[2:]).code == 0
    before = account_state(box), trust_of(box, OWN)
    argv = (*ONE_RUN[name], *UNTAGGED, "--update-trust", "-o", "json")
    plan = podid(*argv, "--dry-run")
    assert (plan.code, [item["kind"] for item in plan.json["actions"]][-1]) == (0, "target-trust")
    assert bound(plan.json["actions"][-1]["after"]["policyDocument"]["Statement"][1:])

    done = podid(*argv)

    assert done.code == 0, done
    assert {item["status"] for item in done.json["actions"]} <= {"done", "unchanged"}
    whom = ["shop/orders", "shop/cart"] if name == "two service accounts" else ["shop/orders"]
    assert external_ids(box) == [f"us-west-2/{OWN}/demo/{ref}" for ref in whom]
    written = next(item for item in done.json["actions"] if item["kind"] == "target-trust")
    assert written["after"]["policyDocument"] == trust_of(box, OWN)
    assert done.json["targetRoles"] == []
    for ref in whom:
        hop = podid("show", ref, "-o", "json").json["secondHop"]
        assert [item for item in hop["findings"] if item["severity"] == "error"] == []
    assert podid(*argv).json["runId"] is None
    assert podid("undo", "last", "--yes").code == 0
    assert (account_state(box), trust_of(box, OWN)) == before


def policy(directory: Path) -> Path:
    """What lets the role go on."""
    path = directory / "assume-reports.json"
    path.write_text(json.dumps(trust.base_role_permissions(arn(OWN))))
    return path


@pytest.mark.parametrize("quiet", [(), ("-q",)])
def test_what_one_run_was_not_allowed_to_do_is_its_result(
    box: Sandbox, podid: Podid, journal: Path, quiet: tuple[str, ...]
) -> None:
    """Without --update-trust the target stays as it is: 3, the statement with the external id, and the line."""
    make_target(box, OWN, ROOT)
    argv = (*ONE_RUN["a new role"], *UNTAGGED, *quiet)
    for flags in (argv, argv):
        done = podid(*flags)
        assert done.code == 3, done
        statements = told(done.stdout)
        assert statements[0]["Condition"] == {"StringEquals": {"sts:ExternalId": f"us-west-2/{OWN}/demo/shop/orders"}}
        assert shlex.join(("podid", *argv, "--update-trust")) in done.stdout
    assert podid(*argv, "--update-trust").code == 0
    assert len(external_ids(box)) == 1


def test_an_external_id_that_was_there_before(box: Sandbox, podid: Podid, journal: Path) -> None:
    """Its association was deleted, and is made again with the same id: the statement is there."""
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
def test_a_target_that_may_be_read_and_not_changed(
    box: Sandbox, podid: Podid, journal: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """The role is whole, and what its owner must add is said."""
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


def test_a_profile_that_has_become_another_accounts_touches_nothing(
    box: Sandbox, podid: Podid, journal: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_target(box, OTHER, ROOT)
    make_target(box, "123123123123", ROOT)
    name = profile(box, tmp_path, OTHER, monkeypatch)
    assert podid(*CREATE, arn(OTHER), "--target-profile", name, "--update-trust").code == 0
    profile(box, tmp_path, "123123123123", monkeypatch)
    count = writes(box)
    assert (podid("undo", "last", "--yes").code, writes(box)) == (6, count)


def test_what_keeps_the_role_from_going_on_is_said(box: Sandbox, podid: Podid, journal: Path) -> None:
    """The policy is there, and a boundary outweighs it."""
    make_target(box, OWN, names_role("shop-orders"))
    bounded = (*CREATE, arn(OWN), "--boundary", "AmazonS3ReadOnlyAccess", "-o", "json")
    first = podid(*bounded).json["notes"]
    assert f"must also allow sts:AssumeRole on {arn(OWN)}" in "\n".join(first)
    wanted = f"role shop-orders cannot assume {arn(OWN)}: its permissions boundary does not allow sts:AssumeRole"
    assert wanted in podid(*bounded).json["notes"]
    box.world.credentials.deny("iam:SimulatePrincipalPolicy")
    assert any(note.endswith("requires iam:SimulatePrincipalPolicy") for note in podid(*bounded).json["notes"])
