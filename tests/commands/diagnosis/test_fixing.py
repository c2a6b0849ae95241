"""`podid doctor --fix`: consent, the order of the fixes, their plans, and what a fix never writes."""

import io
from collections.abc import Callable
from functools import partial
from typing import Any
from unittest.mock import ANY

import pytest

from harness import Answers
from ops.doctor.test_fixes import failed
from podid.cli import boundary
from podid.cli.options import Shared
from podid.cli.runtime import Runtime, Streams
from podid.cli.terminal import Terminal
from podid.commands.diagnosis.fixing import carry_out
from podid.domain.findings import FixClass
from podid.ops.doctor.fixes import AutoFix
from podid.sandbox.baseline import add_association
from podid.sandbox.breaks.table import AUDITED, BREAKS, to_see
from worlds import ACCOUNT, Site


@pytest.fixture
def stale(site: Site) -> Site:
    """The agent runs, shop/orders got an association, and its pods are from before."""
    site.with_agent()
    add_association(site.box.world, "shop", "orders", "storefront")
    return site


def ids(document: dict[str, Any]) -> set[str]:
    return {str(item["id"]) for item in document["findings"]}


def test_without_a_terminal_a_fix_requires_yes(stale: Site) -> None:
    outcome = stale("doctor", "--fix")
    assert (outcome.code, outcome.stdout) == (2, "")
    assert "--yes" in outcome.stderr
    assert not stale("history", "-o", "json").json["items"]


def test_after_the_fixes_the_report_is_read_again(site: Site) -> None:
    add_association(site.box.world, "shop", "orders", "storefront")
    before = site("doctor", "-o", "json").json
    assert "agent-not-installed" in ids(before)
    outcome = site("doctor", "--fix", "--yes", "-o", "json")
    assert outcome.code == 0, outcome
    assert ids(outcome.json) == set()
    # what the commands said is not in the document, and each can be undone
    commands = [item["command"] for item in site("history", "-o", "json").json["items"]]
    assert any("install-agent" in command for command in commands)
    assert any("restart" in command for command in commands)


def test_one_finding_is_fixed(site: Site) -> None:
    add_association(site.box.world, "shop", "orders", "storefront")
    outcome = site("doctor", "--fix-id", "agent-not-installed", "--yes", "-o", "json")
    rest = ids(outcome.json)
    assert (outcome.code, bool(rest), "agent-not-installed" in rest) == (3, True, False)


def test_options_are_added_before_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is added to the command stands before the `--`, where names begin."""
    lines: list[list[str]] = []

    def main(argv: list[str], _: object) -> int:
        lines.append(argv)
        return 0

    monkeypatch.setattr("podid.commands.diagnosis.fixing.main", main)
    fix = AutoFix(failed("a"), FixClass.GRANT, (("podid", "associate", "--role", "r", "--", "-shop/x"),))
    out = io.StringIO()
    streams = Streams(stdin=out, stdout=out, stderr=out, stdin_tty=False, stdout_tty=False, stderr_tty=False)
    runtime = Runtime(streams=streams, env={})
    carry_out((fix,), runtime, Terminal(runtime, Shared()), yes=True, still=lambda verdict, command: True)
    assert lines == [["associate", "--role", "r", "--yes", "--output", "table", "--", "-shop/x"]]


def test_an_unknown_id(site: Site) -> None:
    assert site("doctor", "--fix-id", "agent-not-instaled", "--yes").code == 2


def test_nothing_to_fix(healthy: Site) -> None:
    """It is said where something is wrong, and the cluster is not read again for it."""
    for argv, note in (
        (("--fix",), ""),
        (("--fix-id", "agent-outdated"), "not found, nothing to fix: agent-outdated\n"),
    ):
        healthy.box.faults.calls.clear()
        outcome = healthy("doctor", *argv)
        assert (outcome.code, outcome.stderr) == (0, note)
        assert healthy.box.faults.calls["eks", "ListPodIdentityAssociations"] == 1
    healthy.aws("iam").delete_role_policy(RoleName="shop-orders", PolicyName="dynamodb-read")
    outcome = healthy("doctor", "--fix", "--fail-on", "never")
    assert "podid cannot carry out a fix for these findings\n" in outcome.stderr
    assert not healthy("history", "-o", "json").json["items"][1:]


def test_a_failed_fix_ends_the_others(site: Site) -> None:
    add_association(site.box.world, "shop", "orders", "storefront")
    site.box.world.credentials.deny("eks:CreateAddon")
    outcome = site("doctor", "--fix", "--yes")
    assert outcome.code == 3
    assert "ended with exit code 4; podid skips the other fixes" in outcome.stderr


def test_each_fix_asks_for_confirmation(site: Site) -> None:
    add_association(site.box.world, "shop", "orders", "storefront")
    answers = Answers(False, False)
    site.podid.tty, site.podid.answers = True, answers
    outcome = site("doctor", "--fix")
    assert outcome.code == 3
    assert outcome.stderr.count("Nothing was changed.\n") == 2
    # a command that is wrapped as one, and its plan before the question
    assert "  fix (restarts or installs): podid install-agent --cluster demo\n" in outcome.stderr
    assert "create add-on eks-pod-identity-agent" in outcome.stderr
    # without the agent, new pods would have no credentials: what was refused is not asked about
    assert answers.questions == ["Apply this fix?"]
    assert "(agent-not-installed)" in outcome.stderr
    assert not site("history", "-o", "json").json["items"]


WRITES = ("Get", "List", "Describe", "Simulate", "Assume", "Validate", "Lookup")


def writes(site: Site) -> set[str]:
    """What AWS was asked to change."""
    return {name for (_, name), count in site.box.faults.calls.items() if count and not name.startswith(WRITES)}


def annotate(site: Site, namespace: str, account: str, role: str) -> None:
    annotations = {"eks.amazonaws.com/role-arn": f"arn:aws:iam::{ACCOUNT}:role/{role}"}
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}"
    site.cluster.merge(path, {"metadata": {"annotations": annotations}})


def test_an_annotation_gives_no_role(site: Site) -> None:
    """Whoever may annotate a service account would get any role of the account."""
    site.with_agent()
    in_general, by_id = ("--fix", "--fix-level", "info"), ("--fix-id", "association-missing")
    roles = {"storefront": by_id, "article-2023": in_general, "irsa-reports": by_id, "nosuch": in_general}
    for role, options in roles.items():
        annotate(site, "shop", "orders", role)
        site.box.faults.calls.clear()
        outcome = site("doctor", "shop/orders", *options, "--yes", "-o", "json")
        assert (outcome.code, writes(site)) == (3, set()), role
        for finding in outcome.json["findings"]:
            for words in finding["fix"]["commands"]:
                assert "--update-trust" not in words
                assert role not in " ".join(words) or words[:3] == ["podid", "role", "show"]


def test_a_similar_name_is_not_associated(site: Site) -> None:
    """An association may be made before its service account, and a neighbour be called like it."""
    site.with_samples().with_agent()
    for options in (("--fix", "--fix-level", "info"), ("--fix-id", "association-sa-not-found")):
        site.box.faults.calls.clear()
        outcome = site("doctor", *options, "--yes", "-o", "json")
        assert (outcome.code, writes(site)) == (3, set())
        assert "association-sa-not-found" in ids(outcome.json)


@pytest.fixture
def unused(healthy: Site) -> Site:
    """An association of a service account that nothing runs as, as old as the hills."""
    healthy.cluster.make_account("shop", "old")
    add_association(healthy.box.world, "shop", "old", "storefront", age=200 * 86400.0)
    return healthy


def associated(site: Site) -> list[str]:
    answer = site.aws("eks").list_pod_identity_associations(clusterName="demo", namespace="shop")
    return sorted(item["serviceAccount"] for item in answer["associations"])


def test_a_deletion_requires_its_id(unused: Site) -> None:
    outcome = unused("doctor", "--fix", "--fix-level", "info", "--yes")
    assert outcome.code == 0, outcome
    assert "skipped; pass --fix-id to include them: unused-association (deletes, info)\n" in outcome.stderr
    assert associated(unused) == ["old", "orders"]
    outcome = unused("doctor", "--fix-id", "unused-association", "--yes", "-o", "json")
    assert (outcome.code, ids(outcome.json), associated(unused)) == (0, set(), ["orders"])
    assert unused("undo", "last", "--yes").code == 0
    assert associated(unused) == ["old", "orders"]


class Meanwhile(Answers):
    """Something happens while the question is open."""

    def __init__(self, happens: Callable[[], object]) -> None:
        super().__init__(True)
        self._happens = happens

    def confirm(self, question: str, *, word: str = "") -> bool:
        self._happens()
        return super().confirm(question, word=word)


def test_a_finding_that_ends_while_the_question_is_open(unused: Site) -> None:
    """The plan is shown before the question, and the finding is looked for again before the write."""

    starts = partial(unused.cluster.make_pod, "shop", "late", "old")
    unused.podid.tty, unused.podid.answers = True, Meanwhile(starts)
    outcome = unused("doctor", "--fix-id", "unused-association")
    assert "delete association shop/old" in outcome.stderr
    assert "unused-association, Association shop/old is no longer found; nothing was changed" in outcome.stderr
    unused.podid.tty = False
    assert associated(unused) == ["old", "orders"]
    assert outcome.code == 0


def test_plans_of_all_fixes(site: Site) -> None:
    """Nothing is changed, and podid asks no question. The text: tests/render/test_fixes.py."""
    add_association(site.box.world, "shop", "orders", "storefront")
    site.box.faults.calls.clear()
    outcome = site("doctor", "--fix", "--dry-run", "-o", "json")
    assert (outcome.code, outcome.stderr) == (0, "")
    items = {item["id"]: item for item in outcome.json["items"]}
    assert (outcome.json["kind"], outcome.json["cluster"]) == ("FixList", "demo")
    agent = items["agent-not-installed"]
    assert (agent["class"], agent["severity"], agent["command"][1]) == ("ASK", "error", "install-agent")
    assert [action["verb"] for action in agent["plan"]["actions"]] == ["create"]
    assert writes(site) == set()
    assert not site("history", "-o", "json").json["items"]


def test_a_fix_without_a_plan(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    add_association(site.box.world, "shop", "orders", "storefront")

    def main(argv: list[str], runtime: Runtime) -> int:
        return boundary.main([*argv[:1], "-c", "nosuch", *argv[-3:]] if argv[0] == "install-agent" else argv, runtime)

    monkeypatch.setattr("podid.commands.diagnosis.fixing.main", main)
    outcome = site("doctor", "--fix", "--dry-run", "-o", "json")
    assert outcome.code == 8
    plans = {item["command"][1]: (item["plan"], item["error"]) for item in outcome.json["items"]}
    assert plans["install-agent"] == (None, {"code": "NotFound", "message": ANY, "exitCode": 5})
    assert (plans["restart"][0]["kind"], plans["restart"][1]) == ("Plan", None)


# those with a fix that podid carries out without an id, and two without one; the fixes of every check are in
# tests/ops/doctor/test_fixes.py
FIXED = (
    *("agent-not-installed", "agent-probe-port-conflict", "pod-predates-association"),
    *("role-not-found", "addon-degraded-or-failed"),
)


@pytest.mark.parametrize(
    "mode",
    [mode if mode in FIXED else pytest.param(mode, marks=pytest.mark.rare) for mode in BREAKS if mode not in AUDITED],
)
def test_writes_of_a_fix_without_an_id(shared: Site, mode: str) -> None:
    """Without an id, podid installs the agent in AWS, and writes nothing else."""
    shared.box.failures.put(mode)
    shared.box.faults.calls.clear()
    try:
        shared(*to_see(mode), "--fix", "--fix-level", "info", "--yes")
        assert writes(shared) <= {"CreateAddon", "UpdateAddon"}
    finally:
        shared.box.failures.heal()
