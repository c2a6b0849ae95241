"""The predicted verdicts of a change are those after it, for every changing command."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import pytest

from podid.cli import changing
from podid.cli.tree import COMMANDS
from podid.domain.findings import EVERYONE, Outcome, Verdict
from podid.domain.plan import Place, Plan
from podid.domain.report import DoctorReport
from podid.domain.snapshot import PLANNED
from podid.ops.clients import Clients
from podid.ops.restart import rollout
from podid.ops.status.diagnose import Diagnosis, judge
from podid.ops.status.foresee import examine_before, overlaid
from way_worlds import write_files
from ways import STORY, Way
from worlds import ACCOUNT, CLUSTER_ARN, Site

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
            self.note(clients, rollout.restart_plan(place, targets))
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
        foreseen = judge(overlaid(self.before.snapshot, actions, now))
        after = self.examine(self.clients, Plan(header=self.plans[0].header, actions=())).report
        self.before, self.plans = None, []
        return foreseen, after


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
        foreseen, after = both
        left = left_open(foreseen.verdicts)
        assert left <= OPEN, line
        skipped = OPEN if left else set()
        wrong = {row for row in summaries(foreseen) ^ summaries(after) if row[0] not in skipped}
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
