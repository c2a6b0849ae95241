"""Settings of an association that EKS changes late, partly or not at all."""

import json
from pathlib import Path
from typing import Any

import pytest

from harness import Outcome, Podid
from ops.association.worlds import TARGET, association_of
from ops.change.support import account_state, policy_file
from podid.aws.eks import Eks
from podid.domain.aws import Association
from podid.sandbox.aws import eks_associations
from podid.sandbox.baseline import add_role, pods_trust
from podid.sandbox.box import Sandbox

ASSOCIATE = ("associate", "shop/orders", "--wait", "none")


def actions(stdout: str) -> list[tuple[str, str]]:
    return [(item["kind"], item["status"]) for item in json.loads(stdout)["actions"]]


def test_without_a_role_only_the_settings_change(box: Sandbox, podid: Podid, journal: Path, tmp_path: Path) -> None:
    assert podid(*ASSOCIATE, "--role", "orders-dynamodb", "--tag", "team=a").code == 0
    role = association_of(box).role_arn
    changed = podid(
        *ASSOCIATE, "--session-policy", policy_file(tmp_path), "--target-role", TARGET, "--tag", "app=x", "--replace"
    )
    assert changed.code == 0, changed
    assert (
        association_of(box).role_arn,
        association_of(box).target_role_arn,
        association_of(box).disable_session_tags,
    ) == (role, TARGET, True)
    assert association_of(box).policy is not None
    rerun = podid(*ASSOCIATE, "-o", "json")
    assert (rerun.code, actions(rerun.stdout)) == (0, [("association", "unchanged")])

    cleared = podid(*ASSOCIATE, "--no-target-role", "--no-session-policy", "--untag", "team", "--replace", "-o", "json")
    assert cleared.code == 0, cleared
    after = json.loads(cleared.stdout)["actions"][0]["after"]
    assert (after["targetRoleArn"], after["policy"], after["tags"]) == (None, None, {"app": "x"})
    assert (
        association_of(box).target_role_arn,
        association_of(box).policy,
        association_of(box).disable_session_tags,
    ) == (None, None, True)
    # nothing lets the role assume its target
    assert podid("undo", "last", "--yes", "--wait", "api").code == 0
    assert (association_of(box).target_role_arn, box.world.tags[association_of(box).arn]) == (
        TARGET,
        {"team": "a", "app": "x"},
    )


POLICY = ("--session-policy", "POLICY", "--no-session-tags")


@pytest.mark.parametrize(
    ("asked", "removed", "words"),
    [
        (("--target-role", TARGET), ("--no-target-role",), "target role"),
        (POLICY, ("--no-session-policy",), "session policy"),
        (
            (*POLICY, "--target-role", TARGET),
            ("--no-session-policy", "--no-target-role"),
            "target role and session policy",
        ),
    ],
)
def test_a_setting_that_eks_keeps_is_an_error(
    box: Sandbox,
    podid: Podid,
    journal: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    asked: tuple[str, ...],
    removed: tuple[str, ...],
    words: str,
) -> None:
    """EKS may keep a setting if the value is an empty string."""
    settings = (policy_file(tmp_path) if word == "POLICY" else word for word in asked)
    assert podid(*ASSOCIATE, "--role", "storefront", *settings, "--tag", "a=b").code == 0
    before = account_state(box)
    monkeypatch.setattr(eks_associations, "_updated", lambda current, expected: expected or current)
    outcome = podid(*ASSOCIATE, *removed, "--tag", "a=c", "--replace", "-o", "json")
    assert outcome.code == 6, outcome
    assert outcome.error["message"].startswith(f"EKS accepted the request to remove the {words} of shop/orders")
    assert account_state(box) == before


@pytest.mark.parametrize(
    ("dropped", "words"),
    [
        (("targetRoleArn",), "change the target role of shop/orders, but the association is unchanged"),
        (("roleArn", "policy"), "remove the session policy and to change the role of shop/orders, but"),
    ],
)
def test_a_setting_that_eks_ignores_is_an_error(
    box: Sandbox, podid: Podid, journal: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dropped: Any, words: str
) -> None:
    policy = ("--session-policy", policy_file(tmp_path), "--no-session-tags")
    assert podid(*ASSOCIATE, "--role", "storefront", "--target-role", TARGET, *policy).code == 0
    update = Eks.update_association

    def updating(
        self: Eks, cluster: str, association_id: str, settings: dict[str, object], *, token: str
    ) -> Association:
        kept = {key: value for key, value in settings.items() if key not in dropped}
        return update(self, cluster, association_id, kept, token=token)

    monkeypatch.setattr(Eks, "update_association", updating)
    more = ("--role", "orders-dynamodb", "--target-role", f"{TARGET}-2", "--no-session-policy", "--replace")
    outcome = podid(*ASSOCIATE, *more, "-o", "json")
    assert outcome.code == 6, outcome
    assert outcome.error["message"].startswith(f"EKS accepted the request to {words}")


def test_the_size_of_a_session_policy_is_counted_as_sent(
    box: Sandbox, podid: Podid, journal: Path, tmp_path: Path
) -> None:
    def asked(letter: str, count: int) -> Outcome:
        statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::x/{letter * count}"}
        path = tmp_path / "policy.json"
        path.write_text(json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
        settings = ("--session-policy", str(path), "--no-session-tags", "--replace")
        return podid(*ASSOCIATE, "--role", "storefront", *settings, "-o", "json")

    assert asked("é", 1500).code == 0
    assert "é" in (association_of(box).policy or "")
    assert "has 9,1" in asked("€", 1500).error["message"]


def test_a_removed_setting_may_be_visible_for_a_moment(
    box: Sandbox, podid: Podid, journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert podid(*ASSOCIATE, "--role", "storefront", "--target-role", TARGET).code == 0
    get, update, late = Eks.get_association, Eks.update_association, list[Association]()

    def updating(
        self: Eks, cluster: str, association_id: str, settings: dict[str, object], *, token: str
    ) -> Association:
        late.extend([get(self, cluster, association_id)] * 2)
        return update(self, cluster, association_id, settings, token=token)

    monkeypatch.setattr(Eks, "update_association", updating)
    monkeypatch.setattr(Eks, "get_association", lambda *args, **known: late.pop() if late else get(*args, **known))
    cleared = podid(*ASSOCIATE, "--no-target-role", "--replace", "-o", "json")
    assert (cleared.code, late, association_of(box).target_role_arn) == (0, [], None), cleared
    assert cleared.json["actions"][0]["after"]["targetRoleArn"] is None


@pytest.mark.parametrize(
    ("trust", "said"),
    [
        (None, "target role {} does not exist"),
        (pods_trust(), "target role {} does not allow role storefront to assume it for shop/cart"),
        ({"AWS": "role/storefront"}, ""),
    ],
)
def test_the_plan_notes_a_target_role_that_cannot_be_assumed(
    box: Sandbox, podid: Podid, journal: Path, trust: dict[str, Any] | None, said: str
) -> None:
    """EKS accepts the association, and the target role may be created later."""
    target = f"arn:aws:iam::{box.world.account}:role/onward"
    if trust is not None:
        if "AWS" in trust:
            who = {"AWS": f"arn:aws:iam::{box.world.account}:role/storefront"}
            statement = {"Effect": "Allow", "Principal": who, "Action": ["sts:AssumeRole", "sts:TagSession"]}
            trust = {"Version": "2012-10-17", "Statement": [statement]}
        add_role(box.world, box.iam, "onward", trust)
    asked = ("associate", "shop/cart", "--role", "storefront", "--target-role", target, "--wait", "none")
    planned = podid(*asked, "--dry-run", "-o", "json")
    done = podid(*asked, "-o", "json")
    again = podid(*asked, "-o", "json")
    code = 3 if said else 0
    assert (planned.code, done.code, again.code) == (0, code, code), (planned, done)
    for outcome in (planned, done, again):
        assert any(said and said.format(target) in note for note in outcome.json["notes"]) is bool(said), outcome
        assert [item["verdict"] for item in outcome.json["targetRoles"]] == (["no-match"] if said else [])
    moved = podid("move", "shop/cart", "shop/pay", "--yes", "--wait", "none", "-o", "json")
    assert [item["serviceAccounts"] for item in moved.json["targetRoles"]] == ([["shop/pay"]] if said else [])
    assert moved.code == code
