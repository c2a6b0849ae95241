"""Edits of a role's trust policy: planned, refused and undone."""

import json
from pathlib import Path
from typing import Any

import pytest

from harness import Podid
from ops.change.support import writes
from ops.trust.support import ADMIN, EMPTY, FOR, IRSA, OIDC, ROOT, WIDE, trust_of, use
from podid.aws.eks import Eks
from podid.domain.errors import AccessDenied
from podid.ops.role import uses as role_uses
from podid.ops.role.uses import Unread, Uses
from podid.sandbox.baseline import add_role, pods_trust, service_trust
from podid.sandbox.box import Sandbox


def test_what_is_shut_out_is_named(box: Sandbox, podid: Podid, journal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add_role(box.world, box.iam, "r", service_trust("ec2.amazonaws.com"))
    assert podid("trust", "add", "--role", "r", *FOR).code == 0
    associated = podid("associate", "shop/orders", "--role", "r", "--wait", "none")
    assert associated.code == 0
    line = ("trust", "remove", "--role", "r", *FOR, "--dry-run")
    (after,) = podid(*line, "-o", "json").json["after"]
    assert (after["serviceAccount"], after["state"], after["id"]) == ("orders", "broken", "trust-wrong-principal")
    assert "After this: ✗ shop/orders  broken at link 9 trust: trust-wrong-principal\n" in podid(*line).stdout
    # service accounts that do not use the role are not in the outlook, although they may assume it
    assert podid("associate", "shop/cart", "--role", "storefront", "--wait", "none").code == 0
    assert podid("trust", "add", "--role", "r", "--for", "shop/cart").code == 0
    assert "shop/cart" not in podid(*line).stdout

    def denied(*_: object) -> None:
        raise AccessDenied("x", permission="eks:ListPodIdentityAssociations")

    monkeypatch.setattr(Eks, "list_association_summaries", denied)
    unseen = podid(*line, "-o", "json").json
    assert "the service accounts that use the role in cluster demo were not checked: x" in unseen["notes"]
    assert unseen["after"] is None


def test_a_trust_that_is_mended_is_not_said_to_refuse(box: Sandbox, podid: Podid, journal: Path) -> None:
    add_role(box.world, box.iam, "r", service_trust("ec2.amazonaws.com"))
    line = ("associate", "shop/orders", "--role", "r", "--wait", "none", "--dry-run", "-o", "json")
    assert "does not allow shop/orders" in podid(*line).error["message"]
    assert not any("does not allow" in note for note in podid(*line, "--update-trust").json["notes"])


def test_what_others_get_in_by_is_not_removed(box: Sandbox, podid: Podid, wide: str, journal: Path) -> None:
    outcome = podid("trust", "remove", "--role", wide, *FOR, "--yes", "-o", "json")
    assert (outcome.code, outcome.stdout) == (6, "")
    assert "also allows others" in outcome.error["message"]
    assert (writes(box), journal.exists()) == (0, False)


SUB = f"{OIDC.partition(':oidc-provider/')[2]}:sub"


TWO = ["system:serviceaccount:shop:orders", "system:serviceaccount:shop:cart"]


EDITS: dict[str, tuple[list[Any], tuple[str, ...]]] = {
    "add": ([ADMIN, IRSA], ("add", *FOR)),
    "remove": (
        [ADMIN, IRSA, WIDE | {"Condition": {"StringEquals": {"aws:SourceAccount": "111122223333"}}}],
        ("remove", *FOR, "--scope", "account"),
    ),
    "remove one of a list": (
        [ADMIN, IRSA | {"Condition": {"StringEquals": {SUB: TWO}}}],
        ("remove", "--issuer", OIDC, *FOR),
    ),
    "remove a provider": ([ADMIN, IRSA], ("remove", "--issuer", OIDC)),
    "remove one of its two statements": (
        [ADMIN, *(IRSA | {"Condition": {"StringEquals": {SUB: sub}}} for sub in TWO)],
        ("remove", "--issuer", OIDC, *FOR),
    ),
    "tighten": ([ADMIN, IRSA, WIDE], ("tighten",)),
}


@pytest.mark.parametrize(("before", "line"), EDITS.values(), ids=EDITS)
def test_what_is_said_to_stay_does_stay(
    box: Sandbox, podid: Podid, journal: Path, before: list[Any], line: tuple[str, ...]
) -> None:
    add_role(box.world, box.iam, "r", {"Version": "2012-10-17", "Statement": before})
    use(box, "orders", role="r")
    done = podid("trust", line[0], "--role", "r", *line[1:], "--yes", "-o", "json")
    assert done.code == 0, done.stderr
    [action] = done.json["actions"]
    principals = json.dumps([statement["Principal"] for statement in action["after"]["policyDocument"]["Statement"]])
    also = [note for note in done.json["notes"] if "also trusts" in note]
    assert also
    for principal in (ROOT, OIDC):
        unchanged = f"role r also trusts {principal} (unchanged)" in also
        assert unchanged is (principal in principals), principal


def test_a_role_that_admits_nobody_is_shown_extended_and_examined(box: Sandbox, podid: Podid, journal: Path) -> None:
    add_role(box.world, box.iam, "r", EMPTY)
    assert podid("role", "show", "r").code == 0
    line = ("associate", "shop/orders", "--role", "r", "--wait", "none")
    assert podid(*line).code == 6
    use(box, "cart", role="r")
    outcome = podid("doctor", "shop/cart", "-o", "json")
    assert "trust-wrong-principal" in [finding["id"] for finding in outcome.json["findings"]]
    assert podid(*line, "--update-trust").code == 0
    assert len(trust_of(box, "r")) == 1


def test_tighten_to_a_namespace_where_too_many_use_it(box: Sandbox, podid: Podid, wide: str, journal: Path) -> None:
    use(box, *(f"service-{number}" for number in range(8)))
    full = podid("trust", "tighten", "--role", wide, "--yes", "-o", "json")
    assert (full.code, "IAM allows 2048" in full.error["message"]) == (6, True)
    assert podid("trust", "tighten", "--role", wide, "--scope", "namespace", "--yes").code == 0
    assert len(trust_of(box)) == 2


def test_tighten_refuses_where_nobody_uses_the_role(box: Sandbox, podid: Podid, wide: str) -> None:
    outcome = podid("trust", "tighten", "--role", wide, "--yes", "-o", "json")
    assert (outcome.code, "no association uses the role" in outcome.error["message"]) == (6, True)


def test_tighten_refuses_where_the_trust_shuts_a_user_out(box: Sandbox, podid: Podid) -> None:
    trust = pods_trust(box.world.clusters["demo"], actions=("sts:AssumeRole",))
    add_role(box.world, box.iam, "old", trust)
    use(box, "orders", role="old")
    outcome = podid("trust", "tighten", "--role", "old", "--yes", "-o", "json")
    assert (outcome.code, outcome.error["details"][0].startswith("shop/orders in cluster demo")) == (6, True)
    assert writes(box) == 0


UNREAD = {
    "a cluster that is denied": (
        Unread.of("clusters in eu-west-1", AccessDenied("x", permission="eks:ListClusters")),
        False,
    ),
    "regions that are not enabled": (Unread("2 regions", "they reject these credentials", disabled=True), True),
}


@pytest.mark.parametrize(("unread", "skipped"), UNREAD.values(), ids=UNREAD)
def test_tighten_refuses_where_not_all_was_read(
    box: Sandbox, podid: Podid, wide: str, monkeypatch: pytest.MonkeyPatch, unread: Unread, skipped: bool
) -> None:
    use(box, "orders")
    whole = role_uses.read_all_uses

    def partly(*args: Any) -> Uses:
        return Uses(whole(*args).associations, (unread,))

    monkeypatch.setattr(role_uses, "read_all_uses", partly)
    outcome = podid("trust", "tighten", "--role", wide, "--yes", "-o", "json")
    assert (outcome.code, outcome.error["details"], writes(box)) == (6, [str(unread)], 0)
    hint = f"podid trust tighten --role {wide} --yes -o json --skip-disabled-regions" if skipped else None
    assert outcome.error["hint"] == hint
    line = ("trust", "tighten", "--role", wide, "--yes", "--skip-disabled-regions")
    assert podid(*line).code == (0 if skipped else 6)
