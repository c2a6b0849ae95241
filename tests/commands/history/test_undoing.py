"""The consent to undo a run of another caller, or a grave change."""

import json
import shlex
from pathlib import Path

import pytest

from harness import Answers, Podid
from ops.change.forging import (
    ADMIN,
    CALLER,
    CREATE,
    NONE,
    PODS,
    ROLE_ARN,
    document_of,
    forged,
    opened,
    role_with,
    trust_of,
)
from ops.change.support import ACCOUNT, account_state
from parsing import parsed
from podid.domain.plan import Action
from podid.ops.change.kinds import (
    ASSOCIATION,
    OIDC_PROVIDER,
    ROLE,
    ROLE_ATTACHMENT,
    ROLE_POLICY,
    ROLE_SETTINGS,
)
from podid.ops.change.records import action_of
from podid.sandbox.box import Sandbox
from worlds import Site

ASKED = {
    "an outsider": lambda box: trust_of(box, opened({"AWS": "arn:aws:iam::999988887777:root"})),
    "an outsider's provider": lambda box: trust_of(
        box, opened({"Federated": "arn:aws:iam::999988887777:oidc-provider/x"})
    ),
    "a new role for an outsider": lambda box: role_with(opened({"AWS": "999988887777"})),
    "AdministratorAccess": lambda box: ROLE_ATTACHMENT.action(
        ROLE_ATTACHMENT.state_of("storefront", "arn:aws:iam::aws:policy/AdministratorAccess"), None
    ),
    "PowerUserAccess": lambda box: ROLE_ATTACHMENT.action(
        ROLE_ATTACHMENT.state_of("storefront", "arn:aws:iam::aws:policy/PowerUserAccess"), None
    ),
    "IAMFullAccess": lambda box: ROLE_ATTACHMENT.action(
        ROLE_ATTACHMENT.state_of("storefront", "arn:aws:iam::aws:policy/IAMFullAccess"), None
    ),
    "an inline policy of all": lambda box: ROLE_POLICY.action(ROLE_POLICY.state_of("storefront", "all", ADMIN), None),
    "one by exclusion": lambda box: ROLE_POLICY.action(
        ROLE_POLICY.state_of(
            "storefront",
            "all",
            {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "NotAction": "s3:*", "Resource": "*"}]},
        ),
        None,
    ),
    "a boundary": lambda box: bounded(box),
    "one that attaches others": lambda box: ROLE_POLICY.action(
        ROLE_POLICY.state_of(
            "storefront",
            "all",
            {
                "Version": "2012-10-17",
                "Statement": [{"Effect": "Allow", "Action": "iam:AttachRolePolicy", "Resource": "*"}],
            },
        ),
        None,
    ),
}


def provider(url: str) -> Action:
    arn = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{url}"
    state = {"providerArn": arn, "url": url, "clientIds": ["sts.amazonaws.com"], "thumbprints": ["0" * 40], "tags": {}}
    return OIDC_PROVIDER.action(state, None)


EVIL, ISSUER = "oidc.example.com/id/EVIL", "oidc.eks.us-west-2.amazonaws.com/id/0123456789ABCDEF"


def test_a_provider_requires_an_answer(box: Sandbox, podid: Podid, journal: Path) -> None:
    """Not that of an EKS cluster, which podid migrate cleanup deletes, unless the undo makes a role trust it too."""
    forged(journal, provider(EVIL))
    refused = podid("undo", "last", "--yes")
    assert (refused.code, f"the OIDC provider {EVIL}" in refused.stderr) == (2, True), refused
    sub = {"StringEquals": {f"{ISSUER}:sub": "system:serviceaccount:shop:orders"}}
    trusting = trust_of(box, opened({"Federated": provider(ISSUER).target}, Condition=sub))
    forged(journal, trusting, provider(ISSUER))
    refused = podid("undo", "last", "--yes")
    assert (refused.code, "which the plan creates" in refused.stderr) == (2, True), refused
    forged(journal, provider(ISSUER))
    assert podid("undo", "last", "--yes").code == 0


def bounded(box: Sandbox) -> Action:
    role = next(role for role in box.iam.backend(ACCOUNT).roles.values() if role.name == "storefront")
    boundary = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
    role.permissions_boundary_arn = boundary
    state = {"roleName": "storefront", "description": role.description or "", "maxSessionDuration": 3600, "tags": {}}
    return ROLE_SETTINGS.action({**state, "permissionsBoundary": ""}, {**state, "permissionsBoundary": boundary})


# policies of a journal that lead to administrator, and the way that the plan names
WAYS = {
    "trust policies": (["iam:UpdateAssumeRolePolicy"], "iam:UpdateAssumeRolePolicy"),
    "a function": (["iam:PassRole", "lambda:*"], "iam:PassRole with lambda:"),
    "access keys": (["iam:CreateAccessKey"], "iam:CreateAccessKey"),
    "policy versions": (["iam:SetDefaultPolicyVersion"], "iam:SetDefaultPolicyVersion"),
    "access entries": (["eks:CreateAccessEntry", "eks:AssociateAccessPolicy"], "eks:CreateAccessEntry"),
}


@pytest.mark.parametrize("name", WAYS)
def test_the_plan_names_the_way_to_administrator(box: Sandbox, podid: Podid, journal: Path, name: str) -> None:
    actions, way = WAYS[name]
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]}
    forged(journal, ROLE_POLICY.action(ROLE_POLICY.state_of("storefront", "p", policy), None))
    before = account_state(box)
    outcome = podid("undo", "last", "--yes")
    assert (outcome.code, outcome.stdout) == (2, ""), outcome
    assert f"role storefront may become administrator: {way}" in outcome.stderr
    assert account_state(box) == before


def test_parts_of_a_way_in_several_policies(box: Sandbox, podid: Podid, journal: Path) -> None:
    """Neither of them is one by itself."""
    statements = (
        {"Effect": "Allow", "Action": "iam:PassRole", "Resource": f"{ROLE_ARN}/x"},
        {"Effect": "Allow", "Action": "ec2:RunInstances", "Resource": "*"},
    )
    parts = [
        ROLE_POLICY.action(
            ROLE_POLICY.state_of("storefront", f"p{number}", {"Version": "2012-10-17", "Statement": [statement]}), None
        )
        for number, statement in enumerate(statements)
    ]
    forged(journal, *parts)
    outcome = podid("undo", "last", "--yes")
    assert outcome.code == 2, outcome
    assert "role storefront may become administrator: iam:PassRole with ec2:RunInstances" in outcome.stderr


@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", ASKED)
def test_a_grave_undo_requires_an_answer(box: Sandbox, podid: Podid, journal: Path, name: str) -> None:
    """--yes is none; somebody who reads what it is can say yes, by a word."""
    forged(journal, ASKED[name](box))
    before = account_state(box)
    refused = podid("undo", "last", "--yes", "-o", "json")
    assert (refused.code, refused.error["code"], refused.error["hint"]) == (2, "ConsentNeeded", None), refused
    assert "--yes is not sufficient: role " in refused.error["message"]
    assert account_state(box) == before
    assert podid("undo", "last", "--dry-run", "-o", "json").json["notes"][0].startswith("role ")
    answers = Answers(True)
    podid.tty, podid.answers = True, answers
    assert podid("undo", "last", "--yes").code == 0
    assert [question.rpartition(" ")[2] for question in answers.questions] == ["[undo]"]
    assert account_state(box) != before


@pytest.mark.parametrize(
    ("caller", "code"),
    [
        (CALLER, 0),
        (f"arn:aws:iam::{ACCOUNT}:user/somebody", 2),
        (f"arn:aws:sts::{ACCOUNT}:assumed-role/Admin/me", 2),
    ],
)
def test_a_run_of_another_caller(box: Sandbox, podid: Podid, journal: Path, caller: str, code: int) -> None:
    gone = ASSOCIATION.action(
        {
            "namespace": "shop",
            "serviceAccount": "orders",
            "roleArn": f"{ROLE_ARN}/storefront",
            "targetRoleArn": None,
            "disableSessionTags": False,
            "policy": None,
            "tags": {},
        },
        None,
    )
    forged(journal, gone, caller=caller)
    outcome = podid("undo", "last", "--yes")
    assert outcome.code == code, outcome
    if code:
        assert f"the run was made by {caller}, not by {CALLER}" in outcome.stderr
        assert account_state(box)["associations"] == []


def test_a_policy_that_cannot_be_read_requires_an_answer(box: Sandbox, podid: Podid) -> None:
    assert podid(*CREATE, "--managed-policy", "AmazonS3ReadOnlyAccess").code == 0
    assert podid("role", "detach", "shop-orders", "--managed-policy", "AmazonS3ReadOnlyAccess", "--yes").code == 0
    box.world.credentials.deny("iam:GetPolicy")
    refused = podid("undo", "last", "--yes")
    assert (refused.code, "could not be read" in refused.stderr) == (2, True), refused
    box.world.credentials.allow_again()
    assert podid("undo", "last", "--yes").code == 0


def test_the_hint_for_a_trust_policy_that_was_changed_since(account: Site, podid: Podid) -> None:
    """EKS refuses a role whose trust policy does not allow the pods any more; `associate` has a flag for that."""
    assert podid(*CREATE).code == 0
    assert podid("associate", "shop/orders", "--role", "shop-orders", *NONE).code == 0
    assert podid("disassociate", "shop/orders", "--yes", *NONE).code == 0
    closed = {**PODS, "Statement": [{**PODS["Statement"][0], "Principal": {"Service": "ec2.amazonaws.com"}}]}
    account.trust("shop-orders", closed)
    refused = podid("undo", "last", "--yes", "-o", "json")
    assert refused.code == 6, refused
    hint = shlex.split(refused.error["hint"])
    assert parsed(hint) == ("trust add", {"role": "shop-orders", "service_accounts": ["shop/orders"]} | parsed(hint)[1])
    assert podid(*hint[1:]).code == 0
    assert podid("undo", "last", "--yes").code == 0


def test_an_undo_waits_for_the_agent_as_the_change_did(healthy: Site) -> None:
    """The earlier agent may not start: then the undo has not restored what it should."""
    ready = {"summary": "3 of 3 nodes have a Ready agent pod", "reached": True}
    healthy.must("install-agent", "--addon-version", "latest")
    undone = healthy.must("undo", "last", "--yes", "-o", "json").json
    assert undone["awaited"] == ready, undone
    healthy.must("uninstall-agent", "--yes")
    restored = healthy.must("undo", "last", "--yes", "-o", "json").json
    assert restored["awaited"] == ready, restored


def test_an_undo_of_the_first_installation_shows_and_awaits_the_end_of_the_agent(site: Site) -> None:
    site.associate("shop", "orders")
    site.must("install-agent")
    planned = site.must("undo", "last", "--dry-run")
    assert "agent-not-installed" in planned.stdout, planned
    undone = site.must("undo", "last", "--yes", "-o", "json").json
    assert undone["awaited"]["reached"], undone
    assert site.cluster.pods("kube-system") == []


# runs that podid does not record, each as the states of one change
EDITED: dict[str, tuple[str, object, object]] = {
    "two roles": (
        "role-attachment",
        {"roleName": "victim", "policyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"},
        {"roleName": "storefront", "policyArn": "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"},
    ),
    "another type": (
        "role-settings",
        {"roleName": "storefront", "tags": {"a": 1}},
        {"roleName": "storefront", "tags": {}},
    ),
    "a policy as text": ("role-policy", {"roleName": "storefront", "policyName": "p", "policyDocument": "{}"}, None),
    "no policy": ("role-policy", {"roleName": "storefront", "policyName": "p"}, None),
    "an unknown member": (
        "role-attachment",
        {"roleName": "storefront", "policyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess", "more": 1},
        None,
    ),
    "no role": ("association", {"namespace": "shop", "serviceAccount": "orders"}, None),
}


@pytest.mark.parametrize("name", EDITED)
def test_a_run_that_podid_did_not_record_is_refused(box: Sandbox, podid: Podid, journal: Path, name: str) -> None:
    kind, before, after = EDITED[name]
    forged(journal, action_of({"kind": kind, "before": before, "after": after, "note": ""}))
    state = account_state(box)
    outcome = podid("undo", "last", "--yes")
    assert (outcome.code, outcome.stdout) == (6, ""), outcome
    assert "is not as podid records it" in outcome.stderr
    assert account_state(box) == state


def test_a_journal_does_not_prove_that_podid_created_a_role(box: Sandbox, podid: Podid, journal: Path) -> None:
    """A forged run has the exact state of the role. Its tag is missing, or its id is another one."""
    roles = box.iam.backend(ACCOUNT)
    role = roles.create_role("bare", json.dumps(PODS), "/", None, "", [], "3600")
    state = {"roleName": role.name, "roleId": role.id, "trustPolicy": document_of(box, role.name)}
    forged(journal, ROLE.action(None, state))
    before = account_state(box)
    outcome = podid("undo", "last", "--yes")
    assert (outcome.code, outcome.stdout) == (2, ""), outcome
    assert "role bare would be deleted, and lacks the tag managed-by=podid" in outcome.stderr
    assert account_state(box) == before
    # a typed command requires the id in the journal
    forged(journal, ROLE.action(None, {"roleName": role.name, "trustPolicy": {}}))
    typed = podid("role", "attach", role.name, "--managed-policy", "AmazonSQSReadOnlyAccess")
    assert (typed.code, "--adopt" in typed.stderr) == (6, True), typed
    assert account_state(box) == before
