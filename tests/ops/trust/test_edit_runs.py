"""Edits of a role's trust policy in whole commands: the outlook of its users, and empty policies."""

from pathlib import Path

import pytest

from harness import Podid
from ops.trust.support import EMPTY, FOR, trust_of, use
from podid.aws.eks import Eks
from podid.domain.errors import AccessDenied
from podid.sandbox.baseline import add_role, service_trust
from podid.sandbox.box import Sandbox


def test_service_accounts_that_lose_access_are_in_the_outlook(
    box: Sandbox, podid: Podid, journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
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


def test_an_updated_trust_policy_has_no_note_about_a_refusal(box: Sandbox, podid: Podid, journal: Path) -> None:
    add_role(box.world, box.iam, "r", service_trust("ec2.amazonaws.com"))
    line = ("associate", "shop/orders", "--role", "r", "--wait", "none", "--dry-run", "-o", "json")
    assert "does not allow shop/orders" in podid(*line).error["message"]
    assert not any("does not allow" in note for note in podid(*line, "--update-trust").json["notes"])


def test_a_policy_without_statements_is_shown_and_extended(box: Sandbox, podid: Podid, journal: Path) -> None:
    add_role(box.world, box.iam, "r", EMPTY)
    assert podid("role", "show", "r").code == 0
    line = ("associate", "shop/orders", "--role", "r", "--wait", "none")
    assert podid(*line).code == 6
    use(box, "cart", role="r")
    outcome = podid("doctor", "shop/cart", "-o", "json")
    assert "trust-wrong-principal" in [finding["id"] for finding in outcome.json["findings"]]
    assert podid(*line, "--update-trust").code == 0
    assert len(trust_of(box, "r")) == 1
