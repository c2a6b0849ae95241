"""Roles of an add-on's service accounts: plans, updates and undo."""

import threading
from dataclasses import replace
from typing import Any

import pytest

from checks.builder import association
from harness import table
from ops.addon.worlds import (
    ADOT,
    API,
    EBS,
    EBS_ACCOUNT,
    LOGS,
    METRICS,
    SPACE,
    TRACES,
    arn,
    kinds,
    owned,
    roles,
    with_adot,
)
from ops.change.support import account_state, writes
from permissions_support import limited
from podid.domain.aws import Addon, AddonConfiguration
from podid.domain.errors import Again, Conflict
from podid.domain.names import ServiceAccountRef
from podid.domain.plan import Header, Verb
from podid.ops.addon.associate import (
    AddonFacts,
    accounts_without,
    check_supported,
    plan_addon_roles,
    plan_addon_without,
)
from podid.sandbox.http import HttpRequest
from worlds import ACCOUNT, Site, trust_for


@pytest.fixture
def adot(account: Site) -> Site:
    return with_adot(account)


def test_the_roles_of_other_service_accounts_stay(adot: Site) -> None:
    before, whole = owned(adot), account_state(adot.box)
    done = adot.must("addon", "associate", ADOT, LOGS, "--role", "storefront", "--wait", "api", "-o", "json").json
    after = owned(adot)
    assert {name: after[name] for name in before} == before, "ids and roles of the others are as they were"
    assert after[LOGS][1] == "storefront"
    assert [(item["kind"], item["status"]) for item in done["actions"]] == [("addon-associations", "done")]
    count = writes(adot.box)
    again = adot.must("addon", "associate", ADOT, LOGS, "--role", "storefront", "--wait", "api", "-o", "json").json
    assert ([item["status"] for item in again["actions"]], writes(adot.box)) == (["unchanged"], count)
    adot.must("undo", "last", "--yes", "--wait", "api")
    assert owned(adot) == before
    assert account_state(adot.box) == whole


def test_another_role_needs_replace(adot: Site) -> None:
    before, count = owned(adot), writes(adot.box)
    refused = adot("addon", "associate", ADOT, METRICS, "--role", "orders-dynamodb", "-o", "json")
    assert (refused.code, writes(adot.box)) == (6, count)
    assert refused.error["hint"].endswith("--replace")
    adot.must("addon", "associate", ADOT, METRICS, "--role", "orders-dynamodb", "--replace", "--wait", "api")
    assert owned(adot) == {METRICS: (before[METRICS][0], "orders-dynamodb"), TRACES: before[TRACES]}


def test_an_update_that_cannot_be_described_is_no_failure(adot: Site) -> None:
    """The associations of the add-on show the result, or the next run settles it."""
    adot.box.world.credentials.deny("eks:DescribeUpdate")
    adot("addon", "associate", ADOT, LOGS, "--role", "storefront", "--wait", "api", "-o", "json")
    assert owned(adot)[LOGS][1] == "storefront"
    adot.wait(30)
    adot.must("addon", "associate", ADOT, LOGS, "--role", "storefront", "--wait", "api")
    run = adot.must("history", "-o", "json").json["items"][-1]
    assert [item["status"] for item in run["actions"]] == ["done"]


def test_an_association_created_meanwhile_is_not_deleted(adot: Site) -> None:
    """EKS replaces the whole list of associations of an add-on."""
    answer, lock = adot.box.gateway.answer, threading.Lock()
    fired: list[str] = []

    def answering(request: HttpRequest) -> Any:
        named = adot.box.gateway.name(request).operation
        with lock:
            first = named == "DescribeAddonConfiguration" and not fired
            if first:
                fired.append(named)
        if first:
            eks = adot.aws("eks")
            listed = [{"serviceAccount": name, "roleArn": arn(role)} for name, (_, role) in owned(adot).items()]
            listed.append({"serviceAccount": LOGS, "roleArn": arn("storefront")})
            eks.update_addon(clusterName="demo", addonName=ADOT, podIdentityAssociations=listed)
            adot.wait(30)
        return answer(request)

    adot.box.gateway.answer = answering  # type: ignore[method-assign]
    refused = adot("addon", "associate", ADOT, METRICS, "--role", "orders-dynamodb", "--replace", "--wait", "api")
    assert refused.code == 6, refused
    assert owned(adot)[LOGS][1] == "storefront"
    assert owned(adot)[METRICS][1] == "storefront"


def test_an_association_outside_of_the_add_on_is_a_conflict(account: Site) -> None:
    account.associate("kube-system", EBS_ACCOUNT)
    before, count = account_state(account.box), writes(account.box)
    refused = account("addon", "associate", EBS, EBS_ACCOUNT, "--role", "storefront", "-o", "json")
    assert (refused.code, writes(account.box)) == (6, count)
    assert refused.error["message"].startswith(
        "duplicate-association: kube-system/ebs-csi-controller-sa already has an association"
    )
    assert refused.error["hint"].endswith("--replace")
    account.box.world.delays.delete = 5.0
    account.must("addon", "associate", EBS, EBS_ACCOUNT, "--role", "storefront", "--replace", "--wait", "api")
    assert owned(account, EBS)[EBS_ACCOUNT][1] == "storefront"
    account.wait(30)
    account.must("undo", "last", "--yes", "--wait", "api")
    assert account_state(account.box) == before


def test_a_version_that_supports_none(account: Site) -> None:
    account.box.world.clusters["demo"].addons[EBS].version = "v1.25.0-eksbuild.1"
    refused = account("addon", "associate", EBS, EBS_ACCOUNT, "--role", "storefront", "-o", "json")
    assert refused.code == 6
    assert refused.error["message"].startswith("addon-pod-identity-unsupported: ")


def test_a_trust_policy_that_does_not_allow_the_service_account(account: Site) -> None:
    trust = trust_for(ServiceAccountRef("shop", "orders"))
    account.trust("storefront", trust)
    refused = account("addon", "associate", EBS, EBS_ACCOUNT, "--role", "storefront", "-o", "json")
    assert refused.code == 6
    assert refused.error["hint"].endswith("--update-trust")
    account.must("addon", "associate", EBS, EBS_ACCOUNT, "--role", "storefront", "--update-trust", "--wait", "api")
    assert owned(account, EBS)[EBS_ACCOUNT][1] == "storefront"


def test_the_recommended_roles_in_one_plan(adot: Site) -> None:
    whole = account_state(adot.box)
    adot.box.world.delays.role = 5.0
    done = adot.must("addon", "associate", ADOT, "--recommended", "--wait", "api", "-o", "json").json
    assert [item["kind"] for item in done["actions"]] == ["role", "role-attachment", "addon-associations"]
    assert owned(adot)[LOGS][1].startswith("demo-opentelemetry-operator-system-adot-col-container-l")
    adot.wait(30)
    again = adot.must("addon", "associate", ADOT, "--recommended", "-o", "json").json
    assert {item["status"] for item in again["actions"]} == {"unchanged"}
    adot.must("undo", "last", "--yes", "--wait", "api")
    assert account_state(adot.box) == whole


def test_no_role_is_created_without_recommended_policies(adot: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    from podid.sandbox.aws.addon_catalog import CATALOG

    accounts = {**CATALOG[ADOT].service_accounts, LOGS: ()}
    monkeypatch.setitem(CATALOG, ADOT, replace(CATALOG[ADOT], service_accounts=accounts))
    count = writes(adot.box)
    refused = adot("addon", "associate", ADOT, LOGS, "--recommended", "-o", "json")
    assert (refused.code, writes(adot.box)) == (6, count)
    assert refused.error["message"] == f"AWS recommends no policies for service account {LOGS} of {ADOT}"
    done = adot.must("addon", "associate", ADOT, "--recommended", "--wait", "api", "-o", "json").json
    assert {item["status"] for item in done["actions"]} == {"unchanged"}
    monkeypatch.setitem(CATALOG, ADOT, replace(CATALOG[ADOT], service_accounts=dict.fromkeys(accounts, ())))
    refused = adot("addon", "associate", ADOT, "--recommended", "-o", "json")
    assert refused.error["message"] == f"AWS recommends no policies for {ADOT}"


def test_a_failed_update_is_reported(account: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    from podid.sandbox.aws import eks_addons

    body = eks_addons._update_body
    errors = [{"errorCode": "ConfigurationConflict", "errorMessage": "held", "resourceIds": []}]
    monkeypatch.setattr(eks_addons, "_update_body", lambda c: {**body(c), "status": "Cancelled", "errors": errors})
    monkeypatch.setattr(eks_addons, "_replace_associations", lambda *_: None)
    failed = account("addon", "associate", EBS, EBS_ACCOUNT, "--role", "storefront", "--wait", "api")
    assert failed.code != 0
    assert "ended as Cancelled: ConfigurationConflict: held" in failed.stderr


def test_a_failed_add_on_does_not_stop_the_others(account: Site) -> None:
    account.aws("eks").create_addon(clusterName="demo", addonName="vpc-cni")
    account.wait(30)
    denied = f"arn:aws:eks:us-west-2:{ACCOUNT}:addon/demo/{EBS}/*"
    deny = {"Effect": "Deny", "Action": "eks:UpdateAddon", "Resource": denied}
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}, deny]}
    env = limited(account.box, account.directory, policy)
    outcome = account("addon", "associate", "--recommended", "--all", "--wait", "api", "-o", "json", env=env)
    assert outcome.code == 8, outcome
    statuses = {item["target"]: item["status"] for item in outcome.json["actions"] if "/" not in item["target"]}
    assert (statuses[EBS], statuses["vpc-cni"]) == ("failed", "done")
    assert (owned(account, EBS), list(owned(account, "vpc-cni"))) == ({}, ["aws-node"])
    names = {role["RoleName"] for role in account.aws("iam").list_roles()["Roles"]}
    assert "demo-kube-system-aws-node" in names
    assert "demo-kube-system-ebs-csi-controller-sa" not in names


def test_the_recommended_roles_of_all_add_ons(account: Site) -> None:
    eks = account.aws("eks")
    eks.create_addon(clusterName="demo", addonName=ADOT)
    eks.create_addon(clusterName="demo", addonName="coredns")
    irsa = f"arn:aws:iam::{ACCOUNT}:role/storefront"
    eks.create_addon(clusterName="demo", addonName="vpc-cni", serviceAccountRoleArn=irsa)
    eks.create_pod_identity_association(clusterName="demo", namespace=SPACE, serviceAccount=METRICS, roleArn=irsa)
    account.wait(30)
    before = account_state(account.box)
    done = account.must("addon", "associate", "--recommended", "--all", *API).json
    assert kinds(done) == [
        *(["role", "role-attachment"] * 2 + ["addon-associations"]),
        *("role", "role-attachment", "addon-associations"),
    ]
    assert (set(roles(account, ADOT)), len(roles(account, EBS)), roles(account, "vpc-cni")) == ({TRACES, LOGS}, 1, {})
    notes = " ".join(done["notes"])
    assert f"{SPACE}/{METRICS} is skipped: its association a-" in notes
    assert f"add-on vpc-cni is skipped: it has the IRSA role {irsa}" in notes
    account.wait(30)
    again = account.must("addon", "associate", "--recommended", "--all", *API).json
    assert again["actions"] == []
    account.must("undo", "last", "--yes", "--wait", "api")
    assert account_state(account.box) == before


# --- the plan of the roles, without a call ----------------------------------------------------------------------------

HEADER = Header(caller_arn="", account=ACCOUNT, region="us-west-2", cluster="demo")
FACTS = AddonFacts(
    addon=Addon(name="adot", arn="arn:addon", version="v1", status="ACTIVE", namespace=SPACE),
    roles={METRICS: arn("one")},
    standing={LOGS: association(SPACE, LOGS)},
    configuration=AddonConfiguration(version="v1", policies={METRICS: ("p",), TRACES: ("q",), LOGS: ()}),
)


def test_the_other_roles_of_the_add_on_stay() -> None:
    plan = plan_addon_roles(HEADER, FACTS, {TRACES: arn("two")}, replace=False)
    (action,) = plan.actions
    assert (action.before or {})["roles"] == {METRICS: arn("one")}
    assert (action.after or {})["roles"] == {METRICS: arn("one"), TRACES: arn("two")}
    assert plan_addon_roles(HEADER, FACTS, {METRICS: arn("one")}, replace=False).actions == ()
    without = plan_addon_without(HEADER, FACTS, [METRICS])
    assert [(item.after or {})["roles"] for item in without.actions] == [{}]


@table(
    ("facts", "roles", "message"),
    [
        (FACTS, {METRICS: arn("two")}, "is already associated through adot: roleArn .*one -> .*two"),
        (FACTS, {LOGS: arn("two")}, "duplicate-association: .* that no add-on owns"),
        (
            replace(FACTS, addon=replace(FACTS.addon, status="UPDATING")),
            {TRACES: arn("two")},
            "is UPDATING",
        ),
    ],
)
def test_changes_that_the_add_on_does_not_allow(facts: AddonFacts, roles: dict[str, str], message: str) -> None:
    with pytest.raises(Conflict, match=message):
        plan_addon_roles(HEADER, facts, roles, replace=False)


def test_replace_deletes_an_association_outside_of_the_add_on_first() -> None:
    plan = plan_addon_roles(HEADER, FACTS, {LOGS: arn("two"), METRICS: arn("two")}, replace=True)
    assert [(action.kind, action.verb) for action in plan.actions] == [
        ("association", Verb.DELETE),
        ("addon-associations", Verb.UPDATE),
    ]


def test_an_irsa_role_of_the_add_on_is_noted() -> None:
    facts = replace(FACTS, addon=replace(FACTS.addon, service_account_role_arn=arn("irsa")))
    assert any(
        arn("irsa") in note for note in plan_addon_roles(HEADER, facts, {TRACES: arn("two")}, replace=False).notes
    )


def test_service_accounts_without_a_role_have_recommended_policies() -> None:
    assert accounts_without(FACTS) == [TRACES]
    assert accounts_without(replace(FACTS, configuration=None)) == []


def test_a_service_account_that_the_version_does_not_support() -> None:
    check_supported(FACTS, METRICS)
    check_supported(FACTS, "")
    with pytest.raises(Conflict, match="does not support Pod Identity for metrics, only for") as refused:
        check_supported(FACTS, "metrics")
    assert isinstance(refused.value.hint, Again)
    with pytest.raises(Conflict, match="for any service account"):
        check_supported(replace(FACTS, configuration=AddonConfiguration(version="v1", policies={})), "")
