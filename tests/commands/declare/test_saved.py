"""podid apply --plan: a saved plan is a request, whatever it contains."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness import Answers
from ops.declare.forged_plans import (
    PODS,
    SAFE,
    Plan,
    action,
    adding,
    association,
    attachment,
    forged,
    inline,
    new_role,
    trusting,
)
from ops.declare.worlds import ARN, LINK, ROLE, Filed
from worlds import ACCOUNT

OUTSIDER = {"AWS": "arn:aws:iam::999988887777:root"}


@pytest.fixture
def live(filed: Filed) -> Filed:
    """Return podid with an applied file `shop`, an association of nobody, and a role of AWS."""
    filed.write(roles=[ROLE], associations=[LINK])
    filed.apply()
    filed.site.associate("shop", "cart", "storefront")
    filed.site.box.iam.backend(ACCOUNT).create_role(
        "AWSServiceRoleForShop",
        json.dumps(trusting(SAFE)),
        "/aws-service-role/shop.amazonaws.com/",
        None,
        "",
        [],
        "3600",
    )
    return filed


@pytest.fixture
def saved(live: Filed) -> Path:
    live.write(roles=[ROLE], associations=[LINK, {"serviceAccount": "shop/api", "role": "storefront"}])
    path = live.site.directory / "plan.json"
    assert live("plan", "--save", str(path)).code == 3
    return path


def of_role(filed: Filed, name: str) -> Plan:
    """Return the state of a role's settings."""
    role = filed.role(name)
    assert role is not None
    tags, boundary = role["tags"], role["boundary"] or ""
    state = {"roleName": name, "description": role["description"], "maxSessionDuration": role["seconds"]}
    return {**state, "permissionsBoundary": boundary, "tags": tags}


def trust_change(filed: Filed, name: str, *statements: object) -> Plan:
    role = filed.role(name)
    assert role is not None
    before, more = role["trust"], {"Statement": [*role["trust"]["Statement"], *statements]}
    return action(
        "role-trust",
        {"roleName": name, "policyDocument": before},
        {"roleName": name, "policyDocument": {**before, **more}},
    )


def allow(principal: object, **more: object) -> Plan:
    return {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole", **more}


def existing(filed: Filed, account: str) -> Plan:
    """Return the state of an association as podid records it."""
    item = next(
        item
        for item in filed.site.box.world.clusters["demo"].associations.values()
        if (item.namespace, item.service_account) == ("shop", account)
    )
    state = association(account, roleArn=item.role_arn)["after"]
    return {**state, "tags": filed.associations()[f"shop/{account}"]["tags"], "associationId": item.id}


Attack = Callable[[Filed], Plan]
# what nothing allows
REFUSED: dict[str, tuple[Attack, str]] = {
    "any principal": (lambda filed: trust_change(filed, "web", allow("*")), "would allow any principal"),
    "any AWS principal": (lambda filed: trust_change(filed, "web", allow({"AWS": "*"})), "would allow any principal"),
    "any principal, with a condition": (
        lambda filed: trust_change(
            filed, "web", allow("*", Condition={"StringEquals": {"aws:PrincipalAccount": ACCOUNT}})
        ),
        "would allow any principal",
    ),
    "everyone except one": (
        lambda filed: trust_change(
            filed, "web", {"Effect": "Allow", "NotPrincipal": {"AWS": f"{ARN}x"}, "Action": "sts:AssumeRole"}
        ),
        "would allow any principal",
    ),
    "a new role for anybody": (lambda _: new_role("mine", allow("*")), "would allow any principal"),
    "a policy for a role of AWS": (
        lambda _: attachment("AWSServiceRoleForShop", "ReadOnlyAccess"),
        "belongs to AWS",
    ),
    "the trust policy of a role of AWS": (
        lambda filed: trust_change(filed, "AWSServiceRoleForShop", SAFE),
        "belongs to AWS",
    ),
    "a new role of AWS": (lambda _: new_role("mine", SAFE, path="/aws-reserved/sso/"), "belongs to AWS"),
    "the deletion of an association of nobody": (
        lambda filed: action("association", existing(filed, "cart"), None),
        "No file of the plan owns association of shop/cart",
    ),
    "a role of another account": (
        lambda _: association("x", roleArn="arn:aws:iam::999988887777:role/x"),
        "is not in account",
    ),
    "a policy of another account": (
        lambda _: action(
            "role-attachment", None, {"roleName": "web", "policyArn": "arn:aws:iam::999988887777:policy/x"}
        ),
        "is not in account",
    ),
    "another partition": (lambda _: association("x", roleArn=f"arn:aws-cn:iam::{ACCOUNT}:role/x"), "is not in account"),
    "another add-on": (
        lambda _: action(
            "addon", None, {"addonName": "vpc-cni", "addonVersion": "v1", "configurationValues": "", "roles": {}}
        ),
        "A plan of files does not change add-on vpc-cni",
    ),
    "a provider": (
        lambda _: action(
            "oidc-provider",
            None,
            {"providerArn": f"arn:aws:iam::{ACCOUNT}:oidc-provider/x", "url": "https://x", "clientIds": []},
        ),
        "A plan of files does not create a oidc-provider",
    ),
    "a target role by a profile": (
        lambda _: action(
            "target-trust",
            {"targetRoleArn": f"{ARN}web", "profile": "admin", "policyDocument": trusting(SAFE)},
            {"targetRoleArn": f"{ARN}web", "profile": "admin", "policyDocument": trusting(allow(OUTSIDER))},
        ),
        "",
    ),
    "a copy of a service account": (
        lambda _: action("service-account", None, {"namespace": "shop", "name": "new", "copyOf": "orders"}),
        "A plan of files does not copy service account shop/new",
    ),
}


@pytest.mark.sampled(5)
@pytest.mark.parametrize("name", REFUSED)
def test_a_forged_plan_is_refused_whatever_the_flags(live: Filed, saved: Path, name: str) -> None:
    attack, words = REFUSED[name]
    forged(saved, adding(attack(live)))
    before = live.state()
    outcome = live.site("apply", "--plan", str(saved), "--adopt", "--update-trust", "--take-over", "--yes")
    assert (outcome.code, outcome.stdout, words in outcome.stderr) == (6, "", True), outcome
    assert live.state() == before


# what requires flags on this command line
FLAGGED: dict[str, tuple[Attack, tuple[str, ...]]] = {
    "a policy for a role of nobody": (lambda _: attachment("storefront", "AmazonSQSReadOnlyAccess"), ("--adopt",)),
    "an inline policy for a role of nobody": (lambda _: inline("storefront", {"Action": "s3:GetObject"}), ("--adopt",)),
    "the mark of the file for a role of nobody": (
        lambda filed: action(
            "role-settings",
            of_role(filed, "storefront"),
            {**of_role(filed, "storefront"), "tags": {"podid:owner": "shop"}},
        ),
        ("--adopt",),
    ),
    "a statement for a role of nobody": (lambda filed: trust_change(filed, "storefront", SAFE), ("--update-trust",)),
    "a change of an association of nobody": (
        lambda filed: action(
            "association", existing(filed, "cart"), {**existing(filed, "cart"), "roleArn": f"{ARN}web"}
        ),
        ("--adopt",),
    ),
}


@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", FLAGGED)
def test_a_resource_that_no_file_owns_requires_its_flags_again(live: Filed, saved: Path, name: str) -> None:
    attack, flags = FLAGGED[name]
    forged(saved, adding(attack(live)))
    before = live.state()
    outcome = live.site("apply", "--plan", str(saved), "--yes", "-o", "json")
    assert (outcome.code, outcome.stdout) == (6, ""), outcome
    assert outcome.error["hint"] == f"podid apply --plan {saved} --yes -o json {' '.join(flags)}"
    assert live.state() == before
    done = live.site("apply", "--plan", str(saved), *flags, "--wait", "none")
    assert done.code == 0, done
    assert live.state() != before


# what requires an answer at a terminal
ASKED: dict[str, tuple[Attack, str]] = {
    "AdministratorAccess": (lambda _: attachment("web", "AdministratorAccess"), "role web would be administrator"),
    "IAMFullAccess": (lambda _: attachment("web", "IAMFullAccess"), "role web would be administrator"),
    "all actions": (lambda _: inline("web", {"Action": "*"}), "role web would be administrator: all actions"),
    "all actions but one": (
        lambda _: action(
            "role-policy",
            None,
            {
                "roleName": "web",
                "policyName": "x",
                "policyDocument": trusting({"Effect": "Allow", "NotAction": "s3:*", "Resource": "*"}),
            },
        ),
        "role web would be administrator: all actions except s3:*",
    ),
    "UpdateAssumeRolePolicy": (
        lambda _: inline("web", {"Action": "iam:UpdateAssumeRolePolicy"}),
        "may become administrator: iam:UpdateAssumeRolePolicy",
    ),
    "PassRole with lambda": (
        lambda _: inline("web", {"Action": ["iam:PassRole", "lambda:*"]}),
        "may become administrator: iam:PassRole with lambda:CreateFunction and lambda:InvokeFunction",
    ),
    "PassRole in two statements": (
        lambda _: inline("web", {"Action": "iam:PassRole"}, {"Action": "ec2:RunInstances"}),
        "iam:PassRole with ec2:RunInstances",
    ),
    "a condition that always holds": (
        lambda _: inline("web", {"Action": "iam:CreateAccessKey", "Condition": {"StringLike": {"aws:UserAgent": "*"}}}),
        "iam:CreateAccessKey",
    ),
    "SetDefaultPolicyVersion": (
        lambda _: inline("web", {"Action": "iam:SetDefaultPolicyVersion"}),
        "iam:SetDefaultPolicyVersion",
    ),
    "access entries": (
        lambda _: inline("web", {"Action": ["eks:CreateAccessEntry", "eks:AssociateAccessPolicy"]}),
        "eks:CreateAccessEntry",
    ),
    "an outsider": (
        lambda filed: trust_change(filed, "web", allow(OUTSIDER)),
        "role web would trust arn:aws:iam::999988887777:root",
    ),
    "a user of the account": (
        lambda filed: trust_change(filed, "web", allow({"AWS": f"arn:aws:iam::{ACCOUNT}:root"})),
        f"role web would trust arn:aws:iam::{ACCOUNT}:root",
    ),
    "another service": (
        lambda filed: trust_change(filed, "web", allow({"Service": "lambda.amazonaws.com"})),
        "role web would trust lambda.amazonaws.com",
    ),
    "pods without a condition": (
        lambda filed: trust_change(filed, "web", allow({"Service": PODS})),
        "role web would trust pods without a condition",
    ),
    "no principal": (
        lambda filed: trust_change(filed, "web", allow({"Service": []})),
        "would have a statement without a principal",
    ),
    "a Deny statement": (
        lambda filed: trust_change(filed, "web", {**SAFE, "Effect": "Deny"}),
        "would have a Deny statement",
    ),
    "a new role for an outsider": (
        lambda _: new_role("mine", allow(OUTSIDER)),
        "role mine would trust arn:aws:iam::999988887777:root",
    ),
}


@pytest.mark.sampled(5)
@pytest.mark.parametrize("name", ASKED)
def test_a_grave_change_requires_an_answer(live: Filed, saved: Path, name: str) -> None:
    attack, words = ASKED[name]
    forged(saved, adding(attack(live)))
    before = live.state()
    line = ("apply", "--plan", str(saved), "--wait", "none")
    outcome = live.site(*line, "--yes", "-o", "json")
    assert (outcome.code, outcome.stdout, outcome.error["code"]) == (2, "", "ConsentNeeded"), outcome
    assert words in outcome.error["message"]
    assert live.state() == before
    dry = live.site(*line, "--dry-run", "-o", "json")
    assert any(words in note for note in dry.json["notes"]), dry
    answers = Answers(True)
    live.site.podid.tty, live.site.podid.answers = True, answers
    assert live.site(*line, "--yes").code == 0
    assert [question.rpartition(" ")[2] for question in answers.questions] == ["[apply]"]
    assert live.state() != before


def test_the_loss_of_a_boundary_requires_an_answer(live: Filed, saved: Path) -> None:
    boundary = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
    role = next(role for role in live.site.box.iam.backend(ACCOUNT).roles.values() if role.name == "web")
    role.permissions_boundary_arn = boundary
    bounded = of_role(live, "web")
    forged(saved, adding(action("role-settings", bounded, {**bounded, "permissionsBoundary": ""})))
    outcome = live.site("apply", "--plan", str(saved), "--yes")
    assert (outcome.code, f"would lose its permissions boundary {boundary}" in outcome.stderr) == (2, True), outcome
    assert of_role(live, "web") == bounded


def test_a_removed_deny_counts_as_new_statements(live: Filed, saved: Path) -> None:
    """A kept statement for everybody was limited by it."""
    role = next(role for role in live.site.box.iam.backend(ACCOUNT).roles.values() if role.name == "web")
    document = json.loads(role.assume_role_policy_document)
    deny = {"Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRole"}
    limited = {**document, "Statement": [*document["Statement"], allow("*"), deny]}
    role.assume_role_policy_document = json.dumps(limited)
    opened = {**document, "Statement": [*document["Statement"], allow("*")]}
    states = ({"roleName": "web", "policyDocument": item} for item in (limited, opened))
    forged(saved, adding(action("role-trust", *states)))
    outcome = live.site("apply", "--plan", str(saved), "--yes")
    assert (outcome.code, "would allow any principal" in outcome.stderr) == (6, True), outcome


def test_the_place_on_the_command_line_counts(live: Filed, saved: Path) -> None:
    for options, words in {
        ("--cluster", "blue"): "is a plan for cluster demo, not for blue",
        ("--region", "eu-west-1"): "is a plan for region us-west-2, not for eu-west-1",
        ("--expect-account", "999988887777"): "not for the expected account 999988887777",
    }.items():
        outcome = live.site("apply", "--plan", str(saved), *options, "--yes")
        assert (outcome.code, words in outcome.stderr) == (6, True), outcome
    live.site.must("apply", "--plan", str(saved), "--cluster", "demo", "--region", "us-west-2", "--wait", "none")


def test_the_journal_records_the_caller_and_not_the_plan(live: Filed, saved: Path) -> None:
    def edit(part: Any) -> None:
        part["callerArn"] = f"arn:aws:iam::{ACCOUNT}:user/somebody-else"

    outcome = live.site("apply", "--plan", str(forged(saved, edit)), "--wait", "none", "-o", "json")
    assert outcome.code == 0, outcome
    assert "somebody-else" not in outcome.json["callerArn"]
    runs = live.site.must("history", "-o", "json").json["items"]
    assert "somebody-else" not in json.dumps(runs)


def test_a_guard_holds_for_a_saved_plan(live: Filed, saved: Path) -> None:
    guard = live.site.directory / "guard.yaml"
    guard.write_text("apiVersion: podid/v1\nkind: PodIdentity\nguard: {allowedRoles: [web]}\n")
    outcome = live.site("apply", "--plan", str(saved), "--yes", env={"PODID_GUARD": str(guard)})
    assert (outcome.code, outcome.stdout) == (6, ""), outcome
    assert "guard.allowedRoles" in outcome.stderr, outcome


@pytest.mark.parametrize("name", ["any principal", "a policy for a role of AWS"])
def test_a_dry_run_ends_as_the_run(live: Filed, saved: Path, name: str) -> None:
    attack, words = REFUSED[name]
    forged(saved, adding(attack(live)))
    outcome = live.site("apply", "--plan", str(saved), "--dry-run")
    assert (outcome.code, outcome.stdout, words in outcome.stderr) == (6, "", True), outcome


def test_a_mark_under_another_key_is_no_proof(live: Filed, saved: Path) -> None:
    """Any tag of a role would make it the plan's own."""
    role = next(role for role in live.site.box.iam.backend(ACCOUNT).roles.values() if role.name == "storefront")
    role.tags = [{"Key": "team", "Value": "shop"}]

    def edit(part: Any) -> None:
        part["owners"] = [["team", "shop"]]
        part["actions"].append(attachment("storefront", "AmazonSQSReadOnlyAccess"))

    outcome = live.site("apply", "--plan", str(forged(saved, edit)), "--yes")
    assert (outcome.code, "--adopt" in outcome.stderr) == (6, True), outcome


def test_a_known_principal_without_its_condition_requires_an_answer(live: Filed, saved: Path) -> None:
    role = next(role for role in live.site.box.iam.backend(ACCOUNT).roles.values() if role.name == "web")
    document = json.loads(role.assume_role_policy_document)
    secret = {"StringEquals": {"sts:ExternalId": "x"}}
    old, new = (
        {**document, "Statement": [*document["Statement"], allow(OUTSIDER, **more)]}
        for more in ({"Condition": secret}, {})
    )
    role.assume_role_policy_document = json.dumps(old)
    states = [{"roleName": "web", "policyDocument": item} for item in (old, new)]
    forged(saved, adding(action("role-trust", *states)))
    outcome = live.site("apply", "--plan", str(saved), "--yes")
    assert (outcome.code, "role web would trust arn:aws:iam::999988887777:root" in outcome.stderr) == (2, True), outcome
