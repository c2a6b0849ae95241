"""Undo: which run is meant, what it puts back and shows, and what it takes on no journal's word."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness import Answers, Podid, table
from ops.change.forging import (
    ADMIN,
    ASSOCIATE,
    CALLER,
    CREATE,
    NONE,
    PODS,
    ROLE_ARN,
    forged,
    judged,
    opened,
    role_with,
    trust_of,
)
from ops.change.support import ACCOUNT, account_state, policy_file, runs, writes
from podid.domain.plan import Done, Header, Status
from podid.ops.change.journal import Journal
from podid.ops.change.kinds import (
    ASSOCIATION,
    ROLE_ATTACHMENT,
    ROLE_POLICY,
    ROLE_TRUST,
    TARGET_TRUST,
)
from podid.sandbox.baseline import add_association, add_cluster
from podid.sandbox.box import Sandbox
from worlds import Site

INLINE = ("--inline-policy", "read-table")


def test_order_is_that_of_the_runs_and_not_of_the_clock(journal: Path) -> None:
    """A clock that is set back, by hours or by a year, makes no run older."""
    header = Header(caller_arn=CALLER, account=ACCOUNT, region="us-west-2")
    action = ROLE_ATTACHMENT.action(None, ROLE_ATTACHMENT.state_of("r", "p"))
    moment, begun = datetime(2026, 6, 1, 12, tzinfo=UTC), []
    for back in (0, 1, 3600, 86400 * 365, 0):
        with Journal(journal).begin(("x",), header, moment - timedelta(seconds=back), (action,)) as recorder:
            recorder.intent(0, action)
            recorder.outcome(0, Done(action, Status.DONE, action.after))
            begun.append(recorder.run_id)
    assert [run.run_id for run in Journal(journal).runs()] == begun[::-1]
    assert Journal(journal).get("last").run_id == begun[-1]
    assert Journal(journal).runs()[1].started_at == "2025-06-01T12:00:00Z"  # what the clock said is kept


def test_files_that_are_no_runs_are_ignored(journal: Path, box: Sandbox, podid: Podid) -> None:
    journal.mkdir(mode=0o700)
    for name in ("zzz", "99991231T235959999Z-abcdef"):
        (journal / f"{name}.jsonl").write_text("")
        (journal / f"{name}.jsonl").chmod(0o600)
    assert podid(*ASSOCIATE).code == 0
    assert podid("undo", "last", "--yes").code == 0


def test_the_last_run_is_one_that_can_be_undone(box: Sandbox, podid: Podid) -> None:
    """Neither one that failed, nor an undo; and once more is no further back."""
    assert podid(*CREATE).code == 0
    assert podid(*ASSOCIATE).code == 0
    box.world.credentials.deny("eks:DeletePodIdentityAssociation")
    assert podid("disassociate", "shop/orders", "--yes", "--wait", "none").code == 4
    box.world.credentials.allow_again()
    assert "podid associate" in podid("history", "last").stdout
    for _ in range(2):
        assert podid("undo", "last", "--yes").code == 0
        assert account_state(box)["associations"] == []
        assert "shop-orders" in account_state(box)["roles"]


def test_a_role_that_only_this_association_uses(box: Sandbox, podid: Podid) -> None:
    """The role goes once the association has its first role again."""
    assert podid(*ASSOCIATE).code == 0
    before = account_state(box)
    second = ("associate", "shop/orders", "--create-role", "--role", "second", "--replace", "--wait", "none")
    assert podid(*second).code == 0
    plan = podid("undo", "last", "--dry-run", "-o", "json")
    assert [(action["kind"], action["verb"]) for action in plan.json["actions"]] == [
        ("association", "update"),
        ("role", "delete"),
    ]
    assert podid("undo", "last", "--yes").code == 0
    assert account_state(box) == before


@pytest.mark.parametrize("elsewhere", ["another service account", "another cluster", "another target"])
def test_a_role_that_has_another_user_by_now(box: Sandbox, podid: Podid, elsewhere: str) -> None:
    assert podid(*ASSOCIATE).code == 0
    second = ("associate", "shop/orders", "--create-role", "--role", "second", "--replace", "--wait", "none")
    assert podid(*second).code == 0
    second_run = runs(podid)[0]["runId"]
    if elsewhere == "another cluster":  # with an association of the same name
        add_cluster(box.world, "blue")
        add_association(box.world, "shop", "orders", "second", cluster_name="blue")
    elif elsewhere == "another target":
        argv = ("associate", "shop/cart", "--role", "storefront", "--target-role", f"{ROLE_ARN}/second")
        assert podid(*argv, "--wait", "none").code == 3  # the target role does not let it in
    else:
        add_association(box.world, "shop", "cart", "second")
    before = account_state(box)
    outcome = podid("undo", second_run, "--yes")
    assert (outcome.code, "Role second is still in use" in outcome.stderr) == (6, True), outcome
    assert account_state(box) == before


def meanwhile(happens: Callable[[], object]) -> Answers:
    class Meanwhile(Answers):
        def confirm(self, question: str, *, word: str = "") -> bool:
            happens()
            return super().confirm(question, word=word)

    return Meanwhile(True)


def remade(box: Sandbox) -> None:
    """The role is deleted, and somebody makes one that is its like in all but its id."""
    backend = box.iam.backend(ACCOUNT)
    role = next(role for role in backend.roles.values() if role.name == "shop-orders")
    del backend.roles[role.id]
    role.id = "AROAANOTHERANOTHER123"
    backend.roles[role.id] = role


def other_trust(box: Sandbox) -> None:
    role = next(role for role in box.iam.backend(ACCOUNT).roles.values() if role.name == "shop-orders")
    document = json.loads(role.assume_role_policy_document)
    document["Statement"][0]["Sid"] = "Another"
    role.assume_role_policy_document = json.dumps(document)


def associated(box: Sandbox) -> None:
    add_association(box.world, "shop", "cart", "shop-orders")


def one_policy_more(box: Sandbox) -> None:
    role = next(role for role in box.iam.backend(ACCOUNT).roles.values() if role.name == "shop-orders")
    role.policies["theirs"] = json.dumps({"Version": "2012-10-17", "Statement": []})


HAPPENINGS = {"remade": remade, "trust": other_trust, "association": associated, "policy": one_policy_more}


DELETING = {
    "role delete": ("role", "delete", "shop-orders"),
    "undo": ("undo", "last"),
    "disassociate": ("disassociate", "shop/orders", "--delete-role", "--wait", "none"),
}


@pytest.mark.sampled(3)
@pytest.mark.parametrize("happening", HAPPENINGS)
@pytest.mark.parametrize("name", DELETING)
def test_a_role_that_changed_during_the_question_is_not_deleted(
    box: Sandbox, podid: Podid, tmp_path: Path, name: str, happening: str
) -> None:
    assert podid(*CREATE, "--policy-file", policy_file(tmp_path)).code == 0
    if name == "disassociate":
        assert podid("associate", "shop/orders", "--role", "shop-orders", "--wait", "none").code == 0
    state: dict[str, Any] = {}

    def happens() -> None:
        HAPPENINGS[happening](box)
        state.update(account_state(box), writes=writes(box))

    podid.tty, podid.answers = True, meanwhile(happens)
    outcome = podid(*DELETING[name])
    assert outcome.code == 6, outcome
    assert {**account_state(box), "writes": writes(box)} == state


def test_a_role_that_another_user_created_again_is_not_undone(box: Sandbox, podid: Podid) -> None:
    """Whatever it is called: not of `undo`, and not without --adopt."""
    assert podid(*CREATE).code == 0
    remade(box)
    before = account_state(box)
    undone = podid("undo", "last", "--yes", "-o", "json")
    assert (undone.code, "was deleted and created again" in undone.error["message"]) == (6, True)
    deleted = podid("role", "delete", "shop-orders", "--yes", "-o", "json")
    assert (deleted.code, deleted.error["hint"]) == (6, "podid role delete shop-orders --yes -o json --adopt")
    assert account_state(box) == before


def test_a_role_that_podid_created_again_is_undone(box: Sandbox, podid: Podid) -> None:
    assert podid(*CREATE).code == 0
    created = runs(podid)[0]["runId"]
    assert podid("role", "delete", "shop-orders", "--yes").code == 0
    assert podid("undo", "last", "--yes").code == 0
    assert podid("undo", created, "--yes").code == 0
    assert "shop-orders" not in account_state(box)["roles"]


NEVER = {
    "everybody": lambda box: trust_of(box, opened("*")),
    "everybody of AWS": lambda box: trust_of(box, opened({"AWS": ["*"]})),
    "everybody with a condition": lambda box: trust_of(
        box, opened({"AWS": "*"}, Condition={"StringEquals": {"sts:ExternalId": "x"}})
    ),
    "everybody but one": lambda box: trust_of(
        box,
        {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "NotPrincipal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}],
        },
    ),
    "a new role for everybody": lambda box: role_with(opened("*")),
    "a new role of AWS's": lambda box: role_with(PODS, path="/aws-service-role/x.amazonaws.com/"),
    "a policy of a role of AWS's": lambda box: ROLE_POLICY.action(
        ROLE_POLICY.state_of("AWSServiceRoleForX", "p", {"Statement": []}), None
    ),
    "what is no policy": lambda box: role_with({"Statement": "x"}),
}


@pytest.fixture
def _of_aws(box: Sandbox) -> None:
    box.iam.make_role(ACCOUNT, "AWSServiceRoleForX", json.dumps(PODS))
    role = next(role for role in box.iam.backend(ACCOUNT).roles.values() if role.name == "AWSServiceRoleForX")
    role.path = "/aws-service-role/x.amazonaws.com/"


@pytest.mark.usefixtures("_of_aws")
@pytest.mark.parametrize("name", NEVER)
def test_policies_that_an_undo_never_restores(box: Sandbox, podid: Podid, journal: Path, name: str) -> None:
    forged(journal, NEVER[name](box))
    before = account_state(box)
    podid.tty, podid.answers = True, Answers()
    for argv in (("undo", "last", "--yes"), ("undo", "last"), ("undo", "last", "--dry-run")):
        outcome = podid(*argv)
        assert outcome.code == 6, outcome
        assert account_state(box) == before


def test_another_session_of_the_same_role_is_the_same_caller(box: Sandbox, podid: Podid) -> None:
    """As CI and SSO have them: each run, and each day, has a session of its own."""
    from podid.domain.plan import Plan

    def header(session: str) -> Header:
        arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/Deploy/{session}"
        return Header(caller_arn=arn, account=ACCOUNT, region="us-west-2", cluster="demo")

    keys = {"namespace": "shop", "serviceAccount": "orders"}
    plan = Plan(header=header("b"), actions=(ASSOCIATION.action({**keys, "roleArn": "r"}, None),))
    assert judged(plan, recorded_caller=header("a").caller_arn) == ()
    another = Header(
        caller_arn=header("a").caller_arn.replace("Deploy", "Deploy2"), account=ACCOUNT, region="us-west-2"
    )
    assert len(judged(plan, recorded_caller=another.caller_arn)) == 1


def test_a_target_role_of_aws(box: Sandbox, podid: Podid, journal: Path) -> None:
    from podid.domain.errors import Conflict
    from podid.domain.plan import Plan

    header = Header(caller_arn=CALLER, account=ACCOUNT, region="us-west-2", cluster="demo")
    state = {"targetRoleArn": f"{ROLE_ARN}/aws-reserved/x", "profile": "", "policyDocument": PODS}
    plan = Plan(header=header, actions=(TARGET_TRUST.action({**state, "policyDocument": opened("*")}, state),))
    with pytest.raises(Conflict, match="belongs to AWS"):
        judged(plan)


@table(
    ("more", "asked"),
    [
        ({}, True),
        ({"StringEquals": {"oidc.example.com:aud": "sts.amazonaws.com"}}, True),
        ({"StringEquals": {"oidc.example.com:sub": "system:serviceaccount:shop:orders"}}, False),
    ],
)
def test_an_oidc_provider_without_a_condition_on_its_identities_requires_an_answer(more: Any, asked: bool) -> None:
    from podid.domain.plan import Plan

    header = Header(caller_arn=CALLER, account=ACCOUNT, region="us-west-2", cluster="demo")
    provider = f"arn:aws:iam::{ACCOUNT}:oidc-provider/oidc.example.com"
    old, new = (
        {"roleName": "x", "policyDocument": document}
        for document in (PODS, opened({"Federated": provider}, Condition=more))
    )
    nobody: Any = SimpleNamespace(iam=SimpleNamespace(find_role=lambda name: None))
    grave = judged(Plan(header=header, actions=(ROLE_TRUST.action(old, new),)), nobody)
    assert grave == ((f"role x would trust every identity of {provider}",) if asked else ())


def other_policy(site: Site) -> None:
    role = next(role for role in site.box.iam.backend(ACCOUNT).roles.values() if role.name == "shop-orders")
    role.policies["read-table"] = json.dumps(ADMIN)


def other_role(site: Site) -> None:
    eks = site.aws("eks")
    (association,) = eks.list_pod_identity_associations(clusterName="demo")["associations"]
    eks.update_pod_identity_association(
        clusterName="demo", associationId=association["associationId"], roleArn=f"{ROLE_ARN}/orders-dynamodb"
    )


def other_settings(site: Site) -> None:
    values = json.dumps({"agent": {"additionalArgs": {"-b": "169.254.170.23"}}})
    site.aws("eks").update_addon(clusterName="demo", addonName="eks-pod-identity-agent", configurationValues=values)


def other_accounts(site: Site) -> None:
    mine = [{"serviceAccount": "ebs-csi-controller-sa", "roleArn": f"{ROLE_ARN}/orders-dynamodb"}]
    site.aws("eks").update_addon(clusterName="demo", addonName=EBS, podIdentityAssociations=mine)


EBS = "aws-ebs-csi-driver"


ASKING: dict[str, tuple[tuple[tuple[str, ...], ...], tuple[str, ...], Callable[[Site], None]]] = {
    "role detach": (((*CREATE, "--policy-file", "POLICY"),), ("role", "detach", "shop-orders", *INLINE), other_policy),
    "undo of a policy": (
        (CREATE, ("role", "attach", "shop-orders", "--policy-file", "POLICY")),
        ("undo", "last"),
        other_policy,
    ),
    "disassociate": ((ASSOCIATE,), ("disassociate", "shop/orders", *NONE), other_role),
    "move": ((ASSOCIATE,), ("move", "shop/orders", "shop/cart", *NONE), other_role),
    "undo of an association": ((ASSOCIATE,), ("undo", "last"), other_role),
    "uninstall-agent": ((("install-agent", *NONE),), ("uninstall-agent", "--accept-unread", *NONE), other_settings),
    "undo of the agent": ((("install-agent", *NONE),), ("undo", "last", "--accept-unread"), other_settings),
    "addon disassociate": (
        (("addon", "associate", EBS, "ebs-csi-controller-sa", "--role", "storefront", *NONE),),
        ("addon", "disassociate", EBS, "ebs-csi-controller-sa", *NONE),
        other_accounts,
    ),
    "undo of an add-on's": (
        (("addon", "associate", EBS, "ebs-csi-controller-sa", "--role", "storefront", *NONE),),
        ("undo", "last"),
        other_accounts,
    ),
}


@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", ASKING)
def test_a_resource_that_changed_during_the_question_is_not_changed(
    account: Site, podid: Podid, tmp_path: Path, name: str
) -> None:
    before, argv, happening = ASKING[name]
    for line in before:
        done = podid(*(policy_file(tmp_path) if word == "POLICY" else word for word in line))
        assert done.code == 0, done
    state: dict[str, Any] = {}

    def happens() -> None:
        happening(account)
        state.update(account_state(account.box))

    podid.tty, podid.answers = True, meanwhile(happens)
    outcome = podid(*argv)
    assert outcome.code == 6, outcome
    assert account_state(account.box) == state


def test_a_trust_policy_that_another_run_needs(box: Sandbox, podid: Podid, journal: Path) -> None:
    """The undo of an earlier run would take the credentials of a later association, without naming it."""
    assert podid("role", "create", "r", "--for", "shop/a").code == 0
    assert podid("trust", "add", "--role", "r", "--for", "shop/x", "--scope", "namespace").code == 0
    assert podid("associate", "shop/b", "--role", "r", "--wait", "none").code == 0
    run, before = podid("history", "-o", "json").json["items"][1]["runId"], account_state(box)
    refused = podid("undo", run, "--yes")
    assert (refused.code, account_state(box)) == (6, before), refused
    assert "shop/b in cluster demo, us-west-2" in refused.stderr
    assert podid("undo", "last", "--yes", "--wait", "none").code == 0
    assert podid("undo", run, "--yes").code == 0


def test_running_pods_are_not_stale_once_their_association_is_restored(healthy: Site) -> None:
    for role, stale in (("shop-orders", False), ("storefront", True)):
        healthy.must("disassociate", "shop/orders", "--yes", "--wait", "none")
        words = ("associate", "shop/orders", "--role", role)
        for options in (("--dry-run",), ()):
            assert ("stale" in healthy.must(*words, *options).stdout) is stale, (role, options)
        (item,) = healthy.must("list", "--pods", "-n", "shop", "-o", "json").json["items"]
        assert item["pods"]["stale"] == (2 if stale else 0)
        assert (
            bool(healthy.must("restart", "shop/orders", "--stale", "--dry-run", "-o", "json").json["actions"]) is stale
        )


def test_a_run_of_several_clusters_does_not_take_the_credentials_of_the_others(
    box: Sandbox, podid: Podid, journal: Path
) -> None:
    add_cluster(box.world, "blue")
    before = account_state(box)
    both = ("--cluster", "demo", "--cluster", "blue", "--scope", "account", "--update-trust", "--wait", "none")
    assert podid("associate", "shop/a", "--role", "article-2023", *both).code == 0
    first = runs(podid)[-1]["runId"]
    refused = podid("undo", first, "--yes", "--wait", "none")
    assert (refused.code, "does not allow shop/a in cluster blue" in refused.stderr) == (6, True), refused
    assert podid("undo", "last", "--yes", "--wait", "none").code == 0
    assert account_state(box) == before
