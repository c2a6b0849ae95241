"""Many associations in one run, notes on session policies and session tags, and settings that EKS changes late."""

import json
import secrets
import time
from pathlib import Path
from typing import Any

import pytest

from harness import Outcome, Podid
from ops.association.worlds import ARN, TARGET, WAIT, association_of, roles, statuses
from ops.change.support import POLICY, account_state, policy_file
from podid.aws.eks import Eks
from podid.domain.aws import Association
from podid.domain.iam import not_granted
from podid.ops.role.tags import packed_percent, relied_on, room_words
from podid.sandbox.aws import eks_associations
from podid.sandbox.baseline import add_association, add_role, pods_trust
from podid.sandbox.box import Sandbox
from podid.sandbox.http import HttpAnswer, HttpRequest
from podid.sandbox.world import Limits


def test_a_failed_association_does_not_stop_the_others(box: Sandbox, podid: Podid, journal: Path) -> None:
    box.world.limits = Limits(associations_per_cluster=1)
    add_association(box.world, "shop", "cart", "orders-dynamodb")
    command = ("associate", "shop/new", "shop/cart", "shop/orders", "--role", "storefront", "--replace", *WAIT)
    partly = podid(*command, "-o", "json")
    assert partly.code == 8, partly
    assert statuses(partly) == [("shop/new", "failed"), ("shop/cart", "done"), ("shop/orders", "failed")]
    assert partly.error["code"] == "LimitExceeded"
    box.world.limits = Limits()
    rest = podid(*command, "-o", "json")
    assert rest.code == 0, rest
    assert statuses(rest) == [("shop/new", "done"), ("shop/orders", "done"), ("shop/cart", "unchanged")]


def test_many_associations_are_created_at_the_same_time(box: Sandbox, podid: Podid, journal: Path) -> None:
    box.world.limits.associations_per_cluster = 30
    names = [f"shop/n{number:02}" for number in range(31)]
    assert box._server is not None
    answer, at_once = box._server.application, [0, 0]

    def counting(request: HttpRequest) -> HttpAnswer:
        if request.method != "POST":
            return answer(request)
        at_once[0] += 1
        at_once[1] = max(at_once)
        time.sleep(0.02)
        try:
            return answer(request)
        finally:
            at_once[0] -= 1

    box._server.application = counting
    try:
        outcome = podid("associate", *names, "--role", "orders-dynamodb", *WAIT, "-o", "json")
    finally:
        box._server.application = answer
    assert at_once[1] >= 4  # as many as the machine gets round to, and not one after another
    assert outcome.code == 8, outcome
    result = statuses(outcome)
    assert [target for target, _ in result] == names
    assert [status for _, status in result].count("done") == 30
    (run,) = podid("history", "-o", "json").json["items"]
    assert [action["status"] for action in run["actions"]] == [status for _, status in result]
    box.world.limits.associations_per_cluster = 31
    again = podid("associate", *names, "--role", "orders-dynamodb", *WAIT, "-o", "json")
    assert (again.code, [status for _, status in statuses(again)].count("done")) == (0, 1)


def test_an_undo_stops_at_the_first_failure(box: Sandbox, podid: Podid, journal: Path) -> None:
    """A role is not deleted while it has an association."""
    created = podid("associate", "shop/orders", "--create-role", "--role", "r", *WAIT, "-o", "json")
    assert created.code == 0, created
    box.world.credentials.deny("eks:DeletePodIdentityAssociation")
    undone = podid("undo", "last", "--yes", *WAIT, "-o", "json")
    assert undone.code == 4, undone
    assert roles(box) == {"shop/orders": "r"}
    assert box.iam.role(f"{ARN}r", as_of=box.world.clock.now()) is not None


def test_an_unavailable_service_ends_the_run(box: Sandbox, podid: Podid, journal: Path) -> None:
    box.faults.fail("eks", "CreatePodIdentityAssociation")
    outcome = podid("associate", "a/b", "c/d", "e/f", "--role", "storefront", *WAIT, "-o", "json")
    assert outcome.code == 7, outcome
    assert [call for call in box.faults.calls if "Create" in str(call)] != []


# --- by pattern ---------------------------------------------------------------------------------------------------


# --- several clusters ---------------------------------------------------------------------------------------------


BY_TAG = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": "s3:GetObject",
            "Resource": "arn:aws:s3:::b/${aws:PrincipalTag/kubernetes-namespace}/*",
            "Condition": {"StringEquals": {"aws:principaltag/eks-cluster-name": "demo"}},
        }
    ],
}
BOTH = "aws:PrincipalTag/eks-cluster-name, aws:PrincipalTag/kubernetes-namespace"
OFF = ("associate", "shop/orders", "--role", "storefront", "--no-session-tags", "--wait", "none")


@pytest.fixture
def by_tag(box: Sandbox) -> None:
    box.iam.role_named("111122223333", "storefront").policies["by-tag"] = json.dumps(BY_TAG)


def notes(podid: Podid, *argv: str, code: int = 0) -> list[str]:
    outcome = podid(*argv, "-o", "json")
    assert outcome.code == code, outcome
    return [note for note in outcome.json["notes"] if "session" in note or "relies on" in note]


def test_policies_that_rely_on_tags_are_named(box: Sandbox, podid: Podid, journal: Path, by_tag: None) -> None:
    (note,) = notes(podid, *OFF)
    assert note.startswith(f"policy by-tag of role storefront relies on {BOTH}, which EKS no longer sends")
    assert notes(podid, *OFF) == []  # nothing changes


def test_policies_that_rely_on_tags_are_not_noted_while_tags_are_sent(
    box: Sandbox, podid: Podid, journal: Path, by_tag: None
) -> None:
    assert notes(podid, "associate", "shop/orders", "--role", "storefront", "--wait", "none") == []
    assert len(notes(podid, *OFF, "--replace")) == 1


@pytest.mark.parametrize("permission", ["iam:ListRolePolicies", "iam:ListAttachedRolePolicies", "iam:GetPolicyVersion"])
def test_unread_policies_are_noted_with_the_permission(
    box: Sandbox, podid: Podid, journal: Path, permission: str
) -> None:
    box.world.credentials.deny(permission)
    (note,) = notes(podid, *OFF)
    assert note.endswith(f"was not checked: requires {permission}")


def test_a_session_policy_only_restricts_the_role(box: Sandbox, podid: Podid, journal: Path, tmp_path: Path) -> None:
    note, *others = notes(podid, *OFF, "--session-policy", policy_file(tmp_path))
    assert note.startswith("the session policy of shop/orders only restricts")
    assert all(part in note for part in (" of 2,048 characters", "(estimated)", "packedPolicySize"))
    vain = "the session policy allows dynamodb:GetItem, but no policy of role storefront does: a session policy adds"
    assert [item.startswith(vain) for item in others] == [True]


def test_a_session_policy_is_compared_with_the_target_role(
    box: Sandbox, podid: Podid, journal: Path, tmp_path: Path
) -> None:
    add_role(box.world, box.iam, "reports", pods_trust(), inline={"some": POLICY})
    target = ("--target-role", "arn:aws:iam::111122223333:role/reports")
    policy = ("--session-policy", policy_file(tmp_path))
    assert len(notes(podid, *OFF, *policy, *target, code=3)) == 1  # the target role keeps it out
    (note,) = notes(podid, *OFF, *policy, *target[:1], "arn:aws:iam::999988887777:role/reports", "--replace")
    assert note.endswith("was not checked: it is in another account")
    box.world.credentials.deny("iam:ListRolePolicies")
    assert notes(podid, *OFF, *policy, *target, "--replace", code=3)[-1].endswith(
        "was not checked: requires iam:ListRolePolicies"
    )


@pytest.mark.parametrize(
    ("session", "granted", "vain"),
    [
        ("s3:GetObject", {"Action": "s3:Get*"}, []),
        ("s3:*", {"Action": "s3:GetObject"}, []),
        ("S3:getobject", {"Action": ["s3:GetObject"]}, []),
        ("s3:Get*", {"Action": "s3:*Object"}, []),
        ("s3:Get*", {"Action": "s3:Put*"}, ["s3:Get*"]),
        ("s3:GetObject", {"Action": "s3:GetObjec?"}, []),
        ("s3:PutObject", {"Action": "s3:PutObject", "Effect": "Deny"}, ["s3:PutObject"]),
        ("s3:PutObject", {"NotAction": "iam:*"}, []),
        ("s3:PutObject", {"NotAction": "s3:*"}, ["s3:PutObject"]),
        (["*", "sqs:SendMessage"], {"Action": "s3:GetObject"}, ["sqs:SendMessage"]),
    ],
)
def test_actions_that_stay_denied(session: object, granted: dict[str, object], vain: list[str]) -> None:
    policy = {"Statement": {"Effect": "Allow", "Action": session, "Resource": "*"}}
    assert list(not_granted(policy, [{"Statement": [{"Effect": "Allow", **granted}]}])) == vain


def test_the_packed_size_is_an_estimate() -> None:
    alike = json.dumps({"Statement": [{"Action": ["s3:GetObject"] * 100}]})
    assert packed_percent(alike) < 10 < 50 < packed_percent(secrets.token_urlsafe(1500))
    assert "PackedPolicyTooLarge is possible" in room_words(secrets.token_urlsafe(1536))


def test_other_tags_are_not_eks_s() -> None:
    assert relied_on({"Statement": {"Condition": {"StringEquals": {"aws:PrincipalTag/team": "a"}}}}) == ()
    assert len(relied_on(BY_TAG)) == 2


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


FROM_FILE = ("--session-policy", "POLICY", "--no-session-tags")


@pytest.mark.parametrize(
    ("asked", "removed", "words"),
    [
        (("--target-role", TARGET), ("--no-target-role",), "target role"),
        (FROM_FILE, ("--no-session-policy",), "session policy"),
        (
            (*FROM_FILE, "--target-role", TARGET),
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
