"""The predicted verdicts of a change are those after it, for every changing command."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import pytest

from ops.change.support import writes
from ops.status.outlooks import ids, predicted, under_the_plan
from podid.cli import changing
from podid.cli.tree import COMMANDS
from podid.domain.findings import EVERYONE, Fix, FixClass, Outcome, Subject, Verdict
from podid.domain.plan import Place, Plan
from podid.domain.report import DoctorReport
from podid.domain.snapshot import PLANNED
from podid.ops.clients import Clients
from podid.ops.restart import rollout
from podid.ops.restart.targets import restart_plan
from podid.ops.status.diagnose import Diagnosis, judge
from podid.ops.status.prediction import Harm, examine_before, overlaid, refusal
from podid.render.errors import error_text
from podid.render.screen import Screen
from way_worlds import write_files
from ways import STORY, Way
from worlds import ACCOUNT, CLUSTER_ARN, ORDERS, Site, trust_for

ROLE = f"arn:aws:iam::{ACCOUNT}:role"
# changes that the story omits: target roles, IRSA, session policies, boundaries, default accounts, the way back
MORE = f"""
install-agent --config agent.advertiseProxyPort=false
associate payments/default --role orders-dynamodb
associate legacy/reports --role storefront
associate legacy/reports --role storefront --restart
restart legacy/reports
disassociate legacy/reports --yes --restart
associate shop/fresh --create-role --preset s3-read,bucket=abc --create-service-account --target-role {ROLE}/storefront
associate shop/orders --create-role --role own --target-role {ROLE}/storefront --update-trust
associate shop/orders --role own --target-role {ROLE}/nosuch --replace
associate shop/orders --no-target-role --replace --wait api
associate shop/orders --role storefront --replace --restart
associate shop/orders --no-session-tags --session-policy dynamodb-read.json --replace
move shop/orders shop/moved --yes
move shop/moved shop/orders --yes --restart
undo last --yes
associate shop/orders --role storefront
role attach storefront --managed-policy AmazonSQSReadOnlyAccess --adopt
role detach storefront --managed-policy AmazonSQSReadOnlyAccess --adopt --yes
role create bounded --for shop/orders --boundary AmazonS3ReadOnlyAccess --policy-file dynamodb-read.json
associate shop/orders --role bounded --session-tags --no-session-policy --replace
trust add --role own --for shop/cart
trust tighten --role orders-dynamodb --yes
undo last --yes
uninstall-agent --preserve --yes
"""
# checks whose verdict is known only afterwards, and why
OPEN = {
    # EKS's versions are read only while the add-on is there
    "agent-outdated",
    # what a managed policy, a boundary among them, allows is not read for a plan
    "chained-assume-missing-tag-session",
    "permissions-boundary-denies",
    "session-policy-misconfig",
}


@dataclass
class Watch:
    """Examines the whole cluster before the first write of a command, and records the plans that it applies."""

    site: Site
    patch: pytest.MonkeyPatch
    before: Diagnosis | None = None
    clients: Clients | None = None
    plans: list[Plan] = field(default_factory=list)
    compares: bool = True
    changed: bool = False

    def __post_init__(self) -> None:
        apply, restart = changing.__dict__["apply"], rollout.restart_journalled

        def applying(plan: Plan, clients: Clients, *args: Any, **named: Any) -> Any:
            self.note(clients, plan)
            return apply(plan, clients, *args, **named)

        def restarting(clients: Clients, place: Place, targets: Any, how: Any) -> Any:
            self.note(clients, restart_plan(place, targets))
            return restart(clients, place, targets, how)

        self.patch.setattr(changing, "apply", applying)
        self.patch.setattr(rollout, "restart_journalled", restarting)

    def examine(self, clients: Clients, plan: Plan) -> Diagnosis:
        cluster = clients.eks.get_cluster("demo")
        place = Place(account=cluster.account, region=cluster.region, cluster=cluster)
        return examine_before(clients, place, plan, now=self.site.clock.datetime(), journal=None)

    def note(self, clients: Clients, plan: Plan) -> None:
        if not plan.actions:
            return
        self.changed = True
        if not self.compares:
            return
        if self.before is None:
            self.before, self.clients = self.examine(clients, plan), clients
        self.plans.append(plan)

    def compared(self) -> tuple[DoctorReport, DoctorReport] | None:
        """Return the predicted report after the plans, and the report of the cluster."""
        if self.before is None or self.clients is None:
            return None
        now, actions = self.site.clock.datetime(), [action for plan in self.plans for action in plan.actions]
        predicted = judge(overlaid(self.before.snapshot, actions, now))
        after = self.examine(self.clients, Plan(header=self.plans[0].header, actions=())).report
        self.before, self.plans = None, []
        return predicted, after


Summary = tuple[str, ...]


def summaries(report: DoctorReport) -> set[Summary]:
    """Return check, outcome, severity, subject and chain of each verdict. The scheduler selects the nodes of pods:
    passed verdicts on nodes and pods are omitted, and the names of pods."""
    rows = set()
    for verdict in report.verdicts:
        if verdict.subject.kind in ("Node", "Pod") and verdict.outcome is Outcome.PASS:
            continue
        name = "" if verdict.subject.kind == "Pod" else verdict.subject.name
        chain = verdict.chain if verdict.chain != EVERYONE else ("everybody",)
        kind = (verdict.check, verdict.outcome.value, verdict.severity.value, verdict.error_code)
        rows.add((*kind, verdict.subject.kind, verdict.subject.namespace, name, *chain))
    return rows


def left_open(verdicts: Iterable[Verdict]) -> set[str]:
    return {verdict.check for verdict in verdicts if verdict.error_code == PLANNED.error_code}


def without_waiting(line: list[str]) -> tuple[str, ...]:
    """Return the option that skips the wait, which changes nothing, unless pods are restarted after it."""
    row = next(row for row in COMMANDS if row.name == Way(" ".join(line)).command)
    waits = "wait" in row.load().shared and not {"--wait", "--restart"} & {*line} and row.name != "restart"
    return ("--wait", "api") if waits else ()


def play(site: Site, monkeypatch: pytest.MonkeyPatch, lines: Iterable[list[str]], *, every: int) -> int:
    """Run the lines and compare each `every`-th that changes something. Return how many changed something."""
    site.with_samples()
    monkeypatch.chdir(site.directory)
    write_files()
    watch, changes = Watch(site, monkeypatch), 0
    for line in lines:
        watch.compares = changes % every == 0
        words = (CLUSTER_ARN if word == "CLUSTER" else word for word in line)
        site(*words, *without_waiting(line), "-o", "json")
        site.wait(60)  # an add-on's pods, and what control planes have to hear of
        if not watch.changed:
            continue
        changes += 1
        watch.changed = False
        if (both := watch.compared()) is None:
            continue
        predicted, after = both
        left = left_open(predicted.verdicts)
        assert left <= OPEN, line
        skipped = OPEN if left else set()
        wrong = {row for row in summaries(predicted) ^ summaries(after) if row[0] not in skipped}
        assert wrong == set(), line
    return changes


def changes_something(way: Way) -> bool:
    """Return whether the line may change something: it is not refused, and no dry run."""
    row = next(row for row in COMMANDS if row.name == way.command)
    reports = way.command in ("doctor", "audit", "right-size") or {"--dry-run", "--print", "--list"} & {*way.argv}
    return way.code in (0, 3, 8) and not reports and "dry_run" in row.load().shared


@pytest.mark.parametrize("every", [4, pytest.param(1, marks=pytest.mark.rare)])
def test_the_changes_of_the_story_are_predicted(site: Site, monkeypatch: pytest.MonkeyPatch, every: int) -> None:
    """Up to the removal of the agent each command changes something for the first time."""
    lines = [way.argv for way in STORY if changes_something(way)]
    first = lines[: lines.index(["uninstall-agent", "--yes"]) + 1]
    whole = every == 1
    assert play(site, monkeypatch, lines if whole else first, every=every) >= (35 if whole else 25)


@pytest.mark.parametrize("every", [2, pytest.param(1, marks=pytest.mark.rare)])
def test_changes_that_the_story_omits_are_predicted(site: Site, monkeypatch: pytest.MonkeyPatch, every: int) -> None:
    lines = [line.split() for line in MORE.strip().splitlines()]
    assert play(site, monkeypatch, [["install-agent"], *lines], every=every) == len(lines) + 1


ASSOCIATE = ("associate", "shop/orders", "--role", "storefront")
NO_AGENT = "After this: ✗ shop/orders  broken at link 6 agent: agent-not-installed\n"


# --- associations -----------------------------------------------------------------------------------------------------


def test_without_an_agent_pods_get_nothing(site: Site) -> None:
    assert NO_AGENT in site.must(*ASSOCIATE, "--dry-run", "-q").stdout
    (after,) = predicted(site, *ASSOCIATE)["after"]
    assert (after["state"], after["roleArn"]) == ("broken", f"{ROLE}/storefront")
    new = after["newPod"]
    assert (new["state"], new["link"], new["id"]) == ("broken", 6, "agent-not-installed")


def test_the_outlook_of_a_healthy_change_is_ready(site: Site) -> None:
    site.with_agent()
    assert under_the_plan(site, *ASSOCIATE, "--restart") == [
        "After this: ✓ shop/orders  ready, role storefront",
        "  2 running pods change from the node role (if reachable) to storefront (Pod Identity)",
    ]
    plan = predicted(site, *ASSOCIATE)
    (after,) = plan["after"]
    assert (after["newPod"]["state"], after["notChecked"]) == ("ready", [])
    # until they are restarted, pods are from before
    assert ids(plan["brings"]) == {"pod-predates-association"}
    (use,) = plan["uses"]
    assert (use["pods"], use["restart"], use["before"]["uses"], use["after"]) == (
        *(2, True, "node-role"),
        {"uses": "pod-identity", "roleArn": f"{ROLE}/storefront"},
    )
    assert not predicted(site, *ASSOCIATE, "--restart")["brings"]


def test_an_account_that_uses_irsa(site: Site) -> None:
    site.with_agent()
    argv = ("associate", "legacy/reports", "--role", "storefront")
    assert under_the_plan(site, *argv, "--restart") == [
        "After this: ✓ legacy/reports  ready, role storefront",
        "  1 running pod changes from irsa-reports (IRSA) to storefront (Pod Identity)",
    ]
    assert under_the_plan(site, *argv)[1:] == [
        "  ↻ 1 of 1 running pod stale: irsa-env-still-active",
        "  1 running pod changes from irsa-reports (IRSA) to storefront (Pod Identity) when restarted",
    ]
    site.must(*argv, "--restart")
    site.wait(60)
    assert under_the_plan(site, "disassociate", "legacy/reports", "--restart") == [
        "After this: - legacy/reports  no association",
        "  1 running pod changes from storefront (Pod Identity) to irsa-reports (IRSA)",
    ]


def test_the_outlook_has_the_findings_of_doctor(site: Site) -> None:
    """The association is of a default service account, and the role allows every cluster."""
    argv = ("associate", "payments/default", "--role", "orders-dynamodb")
    plan = predicted(site, *argv)
    assert {"default-sa-association", "trust-too-broad"} <= ids(plan["brings"])
    text = "\n".join(under_the_plan(site, *argv))
    assert "✗ payments/default  broken at link 6 agent: agent-not-installed" in text
    assert "! default-sa-association" in text
    assert "! trust-too-broad" in text
    site.with_agent()
    site.must(*argv)
    assert {"default-sa-association", "trust-too-broad"} <= ids(site("doctor", "-o", "json").json["findings"])


def test_a_target_role_that_does_not_exist(site: Site) -> None:
    site.with_agent()
    argv = (*ASSOCIATE, "--target-role", f"{ROLE}/nosuch")
    assert under_the_plan(site, *argv)[0] == "After this: ✗ shop/orders  broken at link 9 trust: role-not-found"
    count = writes(site.box)
    refused = site(*argv, "--restart", "-o", "json")
    assert (refused.code, refused.error["id"], writes(site.box)) == (6, "role-not-found", count)


def test_a_trust_policy_that_podid_cannot_judge(site: Site) -> None:
    site.with_agent()
    document = trust_for(ORDERS)
    document["Statement"][0]["Principal"] = "*"
    site.trust("storefront", document)
    first, *more = under_the_plan(site, *ASSOCIATE, "--restart")
    assert first.startswith("After this: ? shop/orders  unknown at link 9 trust: sts:AssumeRole: Statement[0] may")
    assert not any("not checked" in line for line in more)


def test_an_earlier_failure_is_shown_and_does_not_refuse_the_change(site: Site) -> None:
    """The trust policy does not allow pods that have the role already, and a tag of the association changes."""
    site.with_agent()
    site.trust("storefront", trust_for(ORDERS))
    site.associate("shop", "cart")
    (first,) = under_the_plan(site, "associate", "shop/cart", "--tag", "a=b", "--replace")
    assert first == "After this: ✗ shop/cart  broken at link 9 trust: trust-condition-never-matches"


def test_a_move_changes_the_credentials_of_running_pods(site: Site) -> None:
    site.with_agent().with_identity()
    plan = predicted(site, "move", "shop/orders", "shop/moved", "--update-trust")
    states = {item["serviceAccount"]: item["newPod"]["state"] for item in plan["after"]}
    assert states["orders"] == "no-association"
    (use,) = plan["uses"]
    assert (use["serviceAccount"], use["before"]["uses"], use["after"]["uses"]) == (
        *("orders", "pod-identity"),
        "node-role",
    )


def test_many_identities_are_counts(site: Site) -> None:
    site.with_agent()
    names = [f"shop/account-{number}" for number in range(40)]
    lines = under_the_plan(site, "associate", *names, "shop/orders", "--role", "storefront")
    assert len(lines) < 8
    assert "41 identities" in lines[0]
    assert len(predicted(site, "associate", *names, "--role", "storefront")["after"]) == 40


# --- what is read -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wait", ["none", "api"])
def test_without_waiting_the_cluster_is_not_read(site: Site, wait: str) -> None:
    (after,) = predicted(site, *ASSOCIATE, "--wait", wait)["after"]
    assert (after["newPod"]["state"], after["pods"]) == ("configured", None)
    assert under_the_plan(site, *ASSOCIATE, "--wait", wait) == [
        "After this: · shop/orders  configured, role storefront",
        "  not checked: links 1-8",
    ]


def test_unread_parts_are_one_line(site: Site) -> None:
    site.with_agent()
    few = site.user("few", [{"apiGroups": [""], "resources": ["serviceaccounts", "namespaces"], "verbs": ["get"]}])
    lines = site(*ASSOCIATE, "--dry-run", env=few).stdout.splitlines()
    (unchecked,) = [line for line in lines if "not checked" in line]
    assert "list pods" in unchecked
    assert sum(line.startswith("After this") for line in lines) == 1
    # the change itself needs none of that
    assert site(*ASSOCIATE, env=few).code in (0, 9)


# --- restarts ---------------------------------------------------------------------------------------------------------


# --- agents, trust and roles ------------------------------------------------------------------------------------------


def test_installing_and_removing_the_agent(site: Site) -> None:
    site.associate("shop", "orders")
    plan = predicted(site, "install-agent")
    assert (plan["after"], plan["brings"]) == ([], [])  # roles are not read for it, so that nobody is found ready
    assert "agent-not-installed" in ids(plan["ends"])
    site.must("install-agent")
    site.wait(60)
    plan = predicted(site, "uninstall-agent")
    assert {item["newPod"]["state"] for item in plan["after"]} == {"broken"}
    assert "agent-not-installed" in ids(plan["brings"])


def test_a_role_without_permissions_or_trust_breaks_its_users(site: Site) -> None:
    site.with_agent().with_identity()
    site.trust("storefront", trust_for(ORDERS))
    plan = predicted(site, "role", "detach", "shop-orders", "--inline-policy", "dynamodb-read", "--adopt")
    assert ids(plan["brings"]) == {"role-no-permissions"}
    site.must("trust", "add", "--role", "shop-orders", "--for", "shop/cart")
    plan = predicted(site, "trust", "remove", "--role", "shop-orders", "--for", "shop/orders")
    (after,) = plan["after"]
    assert after["newPod"]["state"] == "broken"
    assert plan["brings"]
    # nobody uses it: nothing comes of it
    assert predicted(site, "trust", "add", "--role", "irsa-reports", "--for", "shop/cart")["after"] is None


@pytest.mark.parametrize("fix", [(), (("podid", "restart", "shop/orders"),), (("podid", "role", "show", "orders"),)])
def test_a_refused_restart_names_the_subject_of_its_cause_and_the_fix_or_the_page(
    fix: tuple[tuple[str, ...], ...],
) -> None:
    cause = Verdict(
        check="trust-wrong-principal",
        outcome=Outcome.FAIL,
        subject=Subject("Role", "orders"),
        message="no statement allows pods.eks.amazonaws.com",
        fix=Fix(FixClass.PRINT, fix),
    )
    error = refusal([Harm(ORDERS, Subject("Deployment", "web", "shop"), cause, pods=2)])
    assert "Role orders: no statement allows pods.eks.amazonaws.com (trust-wrong-principal)" in error.message
    own = fix[0] if fix and fix[0][1] == "role" else ()
    assert (error.hint, error.advice) == (own, "Pass --force to restart them anyway.")
    last = error_text(error, own, Screen()).splitlines()[-1]
    assert last == ("Try:   podid role show orders" if own else "More:  podid explain trust-wrong-principal")
