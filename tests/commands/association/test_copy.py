"""`podid copy` to a cluster of another account, and into other namespaces."""

import json
import shlex
from pathlib import Path

import pytest

from accounts import ids
from harness import Podid
from ops.change.support import writes
from podid.sandbox.baseline import add_association, add_cluster, pods_trust
from podid.sandbox.box import Sandbox
from podid.sandbox.faults import Fault
from podid.sandbox.world import World
from worlds import ACCOUNT, CLUSTER_ARN, Site

(OTHER,) = ids(1)
LINE = ("copy", "--from-cluster", "demo", "--to-cluster", "green", "--wait", "api", "-o", "json")
TO_GREEN = (*LINE, "--to-profile", "prod")


@pytest.fixture
def green(account: Site, monkeypatch: pytest.MonkeyPatch) -> World:
    """Return cluster green of another account, which has profile prod; demo has one association."""
    box = account.box
    world = box.add_place(OTHER)
    add_cluster(world, "green")
    key = box.world.credentials.add_user("admin", account=OTHER)
    file = account.directory / "aws-config"
    file.write_text(
        f"[profile prod]\nregion = us-west-2\naws_access_key_id = {key.access_key_id}\n"
        f"aws_secret_access_key = {key.secret_access_key}\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(file))
    add_association(box.world, "shop", "orders", "storefront")
    return world


def copied(world: World) -> dict[str, str]:
    items = world.clusters["green"].associations.values()
    return {f"{item.namespace}/{item.service_account}": item.role_arn for item in items}


def make_role(site: Site, name: str) -> None:
    site.box.iam.make_role(OTHER, name, json.dumps(pods_trust()))


def test_to_another_account(account: Site, green: World) -> None:
    make_role(account, "storefront")
    line = (*TO_GREEN, "--map-account", f"{ACCOUNT}={OTHER}", "--map-namespace", "shop=store")
    outcome = account(*line)
    assert outcome.code == 0, outcome
    assert copied(green) == {"store/orders": f"arn:aws:iam::{OTHER}:role/storefront"}
    again = account(*line)
    assert (again.code, {item["status"] for item in again.json["actions"]}) == (0, {"unchanged"}), again
    undone = account("undo", "last", "--yes", "--profile", "prod", "--wait", "api")
    assert undone.code == 0, undone
    assert copied(green) == {}


@pytest.mark.parametrize("profile", [(), ("--profile", "here")])
def test_an_incomplete_copy_names_the_profile_of_the_other_account(
    account: Site, green: World, profile: tuple[str, ...]
) -> None:
    with (account.directory / "aws-config").open("a") as file:
        key = account.box.world.credentials.add_user("here", account=ACCOUNT)
        file.write(f"[profile here]\naws_access_key_id = {key.access_key_id}\n")
        file.write(f"aws_secret_access_key = {key.secret_access_key}\n")
    make_role(account, "storefront")
    fault = account.box.faults.add(Fault("reset", "eks", "CreatePodIdentityAssociation"))
    line = (*TO_GREEN, "--map-account", f"{ACCOUNT}={OTHER}", *profile)
    outcome = account(*line)
    fault.times = 0
    undo = outcome.error["hint"]
    assert undo.endswith(" --profile prod"), undo
    assert account(*shlex.split(undo)[1:], "--yes").code == 0


def test_a_role_that_the_other_account_lacks(account: Site, green: World) -> None:
    outcome = account(*TO_GREEN, "--map-account", f"{ACCOUNT}={OTHER}")
    assert (outcome.code, copied(green)) == (5, {}), outcome
    assert "storefront" in outcome.error["message"]


def test_a_role_of_the_first_account_is_refused(account: Site, green: World) -> None:
    outcome = account(*TO_GREEN)
    assert (outcome.code, copied(green)) == (6, {}), outcome
    assert outcome.error["hint"].endswith(f"--map-account {ACCOUNT}={OTHER}")
    make_role(account, "other")
    assert account(*TO_GREEN, "--map-role", "storefront=other").code == 0
    assert copied(green) == {"shop/orders": f"arn:aws:iam::{OTHER}:role/other"}


@pytest.mark.parametrize(
    ("option", "old", "new", "message"),
    [
        ("--map-role", "storefrnt", "other", "uses role storefrnt; did you mean storefront?"),
        ("--map-namespace", "shops", "store", "uses namespace shops; did you mean shop?"),
        ("--map-account", OTHER, ACCOUNT, f"uses account {OTHER}"),
    ],
)
def test_a_mapping_of_a_name_that_no_association_has(
    account: Site, green: World, option: str, old: str, new: str, message: str
) -> None:
    outcome = account(*TO_GREEN, option, f"{old}={new}")
    assert (outcome.code, copied(green)) == (5, {}), outcome
    assert outcome.error["message"] == f"{option}: no association to copy {message}"


def test_two_namespaces_into_one(account: Site, green: World, tmp_path: Path) -> None:
    add_association(account.box.world, "web", "orders", "storefront")
    maps = ("--map-namespace", "shop=store", "--map-namespace", "web=store")
    outcome = account(*TO_GREEN, "--map-account", f"{ACCOUNT}={OTHER}", *maps)
    assert (outcome.code, copied(green)) == (6, {}), outcome
    assert "maps two associations to store/orders" in outcome.error["message"]


def test_into_another_namespace_of_the_same_account(account: Site) -> None:
    add_association(account.box.world, "shop", "orders", "storefront")
    add_cluster(account.box.world, "green")
    outcome = account(*LINE, "--map-namespace", "shop=store", "--update-trust")
    assert outcome.code == 0, outcome
    assert set(copied(account.box.world)) == {"store/orders"}


@pytest.mark.parametrize(
    "option", ["--map-namespace Shop=a", "--map-namespace shop", "--map-account 1=2", "--map-account 111122223333"]
)
def test_values_that_are_not_pairs(account: Site, option: str) -> None:
    outcome = account(*LINE, *option.split())
    assert (outcome.code, outcome.stdout) == (2, ""), outcome


@pytest.mark.parametrize(
    ("line", "code", "message"),
    [
        ("--from-cluster demo --to-cluster demo", 2, "--from-cluster and --to-cluster are the same cluster"),
        (f"--from-cluster demo --to-cluster {CLUSTER_ARN}", 2, "--from-cluster and --to-cluster are the same cluster"),
        ("--from-cluster demo --to-cluster blue", 5, "Cluster demo has no associations to copy"),
        ("--from-cluster nosuch --to-cluster demo", 5, "cluster nosuch does not exist"),
        ("--from-cluster demo --to-cluster blue --map-role x", 2, "--map-role 'x' is not OLD=NEW"),
        ("--from-cluster demo --to-cluster blue --map-role a=b --map-role a=c", 2, "--map-role names a twice"),
        ("--from-cluster demo --to-cluster blue --map-role a=b:c", 2, "'b:c' is not an IAM role name"),
    ],
)
def test_copies_that_are_refused(box: Sandbox, podid: Podid, journal: Path, line: str, code: int, message: str) -> None:
    add_cluster(box.world, "blue")
    outcome = podid("copy", *line.split(), "-o", "json")
    assert (outcome.code, writes(box)) == (code, 0), outcome
    assert outcome.error["message"].startswith(message)
