"""kill -9 after every write of a change, and then the same command, which fails: nothing remains, as if the first had
failed itself, or the output names the commands that undo all of it."""

import json
import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from harness import Outcome
from ops.addon.worlds import ADOT, EBS
from ops.change.support import account_state, is_write, policy_file
from ops.migrate.killed import Killed, dying
from podid.sandbox.baseline import add_association, add_cluster
from podid.sandbox.faults import Fault
from podid.sandbox.http import HttpAnswer, HttpRequest
from worlds import Site, account_site, whole_site

NONE = ("--wait", "none")
S3 = ("--managed-policy", "AmazonS3ReadOnlyAccess")
CREATE = ("role", "create", "new", "--for", "shop/orders", *S3, "--policy-file", "POLICY")
ASSOCIATE = ("associate", "shop/orders", *NONE, "--role", "orders-dynamodb")


@dataclass(frozen=True, slots=True)
class Case:
    """`rolls_back`: a failing run of the command deletes what it created. The others leave it, and name the undo."""

    command: tuple[str, ...]
    before: tuple[tuple[str, ...], ...] = ()
    rolls_back: bool = False
    kubernetes: bool = False


CASES = {
    "role create": Case(CREATE, rolls_back=True),
    "associate with its role": Case(
        ("associate", "shop/orders", "--create-role", *S3, *NONE, "--policy-file", "POLICY"), rolls_back=True
    ),
    "associate with its account": Case(
        ("associate", "shop/fresh", "--create-role", "--create-service-account", *NONE), kubernetes=True
    ),
    "addon install": Case(("addon", "install", ADOT, "--recommended", "--wait", "api"), rolls_back=True),
    "addon associate": Case(
        ("addon", "associate", EBS, "--recommended", "--wait", "api"),
        before=(("addon", "install", EBS, "--wait", "api"),),
        rolls_back=True,
    ),
    "install-agent": Case(
        ("install-agent", "--fix-node-role", "--wait", "api"),
        before=(
            ("role", "detach", "demo-node-role", "--managed-policy", "AmazonEKSWorkerNodePolicy", "--adopt", "--yes"),
        ),
    ),
    "associate": Case(("associate", *(f"shop/{name}" for name in "abc"), *ASSOCIATE[2:])),
    "associate --update-trust": Case(("associate", "shop/a", *NONE, "--role", "article-2023", "--update-trust")),
    "role attach": Case(
        ("role", "attach", "new", "--preset", "sqs-send,queue=q", "--preset", "vpc-cni"), before=(CREATE,)
    ),
    "role delete": Case(("role", "delete", "new", "--yes"), before=(CREATE,)),
    "disassociate": Case(
        ("disassociate", "shop/orders", "--delete-role", "--yes", *NONE),
        before=(CREATE, ("associate", "shop/orders", *NONE, "--role", "new")),
    ),
    "copy": Case(
        ("copy", "--from-cluster", "demo", "--to-cluster", "blue", "--update-trust", *NONE),
        before=(ASSOCIATE, ("associate", "shop/cart", *NONE, "--role", "storefront")),
    ),
    "move": Case(("move", "shop/orders", "shop/cart", "--update-trust", "--yes", *NONE), before=(ASSOCIATE,)),
    "apply": Case(("apply", "-f", "FILE", "--yes", *NONE)),
    "undo": Case(("undo", "last", "--yes"), before=(CREATE,)),
}


def names(directory: Path) -> dict[str, str]:
    file = directory / "file.json"
    head = {"apiVersion": "podid/v1", "kind": "PodIdentity", "metadata": {"name": "shop"}}
    role = {"name": "declared", "policies": [{"name": "read", "document": json.loads(policy(directory))}]}
    associations = [{"serviceAccount": f"shop/{name}", "role": "declared"} for name in "ab"]
    file.write_text(json.dumps({**head, "roles": [role], "associations": associations}))
    return {"POLICY": policy_file(directory), "FILE": str(file)}


def policy(directory: Path) -> str:
    return Path(policy_file(directory)).read_text()


@dataclass(slots=True)
class Stage:
    site: Site
    case: Case
    command: tuple[str, ...]
    start: Any


def state_of(site: Site) -> Any:
    accounts = []
    if site.box.kubernetes is not None:
        items = site.cluster.get("/api/v1/namespaces/shop/serviceaccounts")["items"]
        accounts = [item["metadata"]["name"] for item in items]
    return account_state(site.box), accounts


@contextmanager
def stage(case: Case, directory: Path) -> Iterator[Stage]:
    directory.mkdir()
    with (whole_site if case.kubernetes else account_site)(directory) as site:
        add_cluster(site.box.world, "blue")
        words = names(directory)
        for argv in case.before:
            site.must(*(words.get(word, word) for word in argv))
        yield Stage(site, case, tuple(words.get(word, word) for word in case.command), state_of(site))


def writes(case: Case, directory: Path) -> tuple[int, list[str]]:
    """Return the number of all writes of the command, and the different writing operations of AWS."""
    operations: list[str] = []
    with stage(case, directory) as at, pytest.MonkeyPatch.context() as patch:
        answer = at.site.box.gateway.answer

        def answering(request: HttpRequest) -> HttpAnswer:
            if is_write(at.site.box, request):
                name = at.site.box.gateway.name(request)
                operations.append(f"{name.service}:{name.operation}")
            return answer(request)

        patch.setattr(at.site.box.gateway, "answer", answering)
        with dying(at.site, patch, 1000, "after") as all_writes:
            at.site.must(*at.command)
        return len(all_writes), list(dict.fromkeys(operations))


def killed_and_failed(at: Stage, patch: pytest.MonkeyPatch, number: int, denied: str) -> Outcome:
    with dying(at.site, patch, number, "after"), suppress(Killed):
        raise AssertionError(at.site(*at.command))
    at.site.wait(5)
    at.site.box.world.credentials.deny(denied)
    failed = at.site(*at.command)
    at.site.box.world.credentials.allow_again()
    return failed


@pytest.mark.parametrize("every", [False, pytest.param(True, marks=pytest.mark.rare)])
@pytest.mark.parametrize("name", CASES)
def test_a_failing_rerun_of_a_killed_run(
    name: str, every: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rerun fails at its first write. With `every`, each moment with each failure."""
    case, numbers = CASES[name], count()
    number_of_writes, operations = writes(case, tmp_path / "whole")
    for number in range(number_of_writes - 1) if every else {0, number_of_writes - 2}:
        failures = 0
        for denied in operations:
            if failures and not every:
                break
            with stage(case, tmp_path / f"stage-{next(numbers)}") as at:
                failed = killed_and_failed(at, monkeypatch, number, denied)
                if failed.code == 0:
                    continue  # the killed run had done all of that
                failures += 1
                moment = f"{name}: killed at write {number}, {denied} denied: {failed}"
                undo = re.findall(r"(?:to undo[^:]*: |Try:   )podid (undo [^;\n]*)", failed.stderr)
                assert bool(undo) is (state_of(at.site) != at.start), moment
                assert not (undo and case.rolls_back), moment
                for line in undo:
                    undone = at.site(*shlex.split(line), "--yes", *NONE)
                    assert undone.code == 0, (moment, undone)
                assert state_of(at.site) == at.start, moment
        assert failures


def test_a_role_that_is_in_use_since_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The association in another cluster is not part of any run."""
    case = CASES["associate with its role"]
    with stage(case, tmp_path / "stage") as at:
        with dying(at.site, monkeypatch, 2, "after"), suppress(Killed):
            at.site(*at.command)
        add_association(at.site.box.world, "shop", "other", "demo-shop-orders", cluster_name="blue")
        at.site.box.world.credentials.deny("eks:CreatePodIdentityAssociation")
        failed = at.site(*at.command)
        assert failed.code == 4, failed
        reason = (
            "role demo-shop-orders, which this command created, could not be deleted: Role demo-shop-orders is still"
        )
        assert reason in failed.stderr
        assert "demo-shop-orders" in account_state(at.site.box)["roles"]


def test_what_a_run_of_unknown_outcome_created_is_rolled_back(account: Site) -> None:
    """It ended, but could not roll back."""
    start, line = account_state(account.box), ("associate", "shop/orders", "--create-role", *S3, *NONE)
    account.box.faults.add(Fault("reset", "eks", "CreatePodIdentityAssociation"))
    assert account(*line).code == 8
    account.box.faults.clear()
    account.box.world.credentials.deny("eks:CreatePodIdentityAssociation")
    failed = account(*line)
    assert (failed.code, account_state(account.box)) == (4, start), failed
    assert "Role demo-shop-orders, which this command created, was deleted." in failed.stderr
