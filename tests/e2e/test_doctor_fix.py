"""`doctor --fix`: what it proposes is what it does, one by one, and then it looks again."""

import io
from datetime import UTC, datetime
from typing import Any

import pytest

from harness import Answers
from podid.cli.mending import carry_out
from podid.cli.options import Shared
from podid.cli.runtime import Runtime, Streams
from podid.cli.terminal import Terminal
from podid.domain.findings import Fix, FixClass, Outcome, Subject, Verdict
from podid.domain.report import DoctorReport
from podid.ops.doctor.fixes import Mend, mends
from podid.sandbox.baseline import add_association
from worlds import Site


@pytest.fixture
def stale(site: Site) -> Site:
    """The agent runs, shop/orders got an association, and its pods are from before."""
    site.with_agent()
    add_association(site.box.world, "shop", "orders", "storefront")
    return site


def ids(document: dict[str, Any]) -> set[str]:
    return {str(item["id"]) for item in document["findings"]}


def test_off_a_terminal_it_needs_a_yes(stale: Site) -> None:
    outcome = stale("doctor", "--fix")
    assert (outcome.code, outcome.stdout) == (2, "")
    assert "--yes" in outcome.stderr
    assert not stale("history", "-o", "json").json["items"]


def test_fixed_and_looked_at_again(site: Site) -> None:
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


def test_only_one_id(site: Site) -> None:
    add_association(site.box.world, "shop", "orders", "storefront")
    outcome = site("doctor", "--fix-id", "agent-not-installed", "--yes", "-o", "json")
    found = ids(outcome.json)
    assert outcome.code == 3
    assert "agent-not-installed" not in found
    assert found


def test_a_name_that_could_be_a_flag(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is added to the command stands before the `--`, where names begin."""
    given: list[list[str]] = []

    def main(argv: list[str], _: object) -> int:
        given.append(argv)
        return 0

    monkeypatch.setattr("podid.cli.mending.main", main)
    mend = Mend(found("a"), (("podid", "associate", "--role", "r", "--", "-shop/x"),), asks=False)
    out = io.StringIO()
    streams = Streams(stdin=out, stdout=out, stderr=out, stdin_tty=False, stdout_tty=False, stderr_tty=False)
    runtime = Runtime(streams=streams, env={})
    carry_out((mend,), runtime, Terminal(runtime, Shared()), yes=True)
    assert given == [["associate", "--role", "r", "--yes", "--output", "table", "--", "-shop/x"]]


def test_an_id_that_is_none(site: Site) -> None:
    assert site("doctor", "--fix-id", "agent-not-instaled", "--yes").code == 2


def test_nothing_to_fix(healthy: Site) -> None:
    """It is said where something is wrong, and the cluster is not read again for it."""
    for argv, said in (
        (("--fix",), ""),
        (("--fix-id", "agent-outdated"), "not found, so there is nothing to fix: agent-outdated\n"),
    ):
        healthy.box.faults.calls.clear()
        outcome = healthy("doctor", *argv)
        assert (outcome.code, outcome.stderr) == (0, said)
        assert healthy.box.faults.calls["eks", "ListPodIdentityAssociations"] == 1
    healthy.aws("iam").delete_role_policy(RoleName="shop-orders", PolicyName="dynamodb-read")
    outcome = healthy("doctor", "--fix", "--fail-on", "never")
    assert "podid has no fix for this that it can carry out itself\n" in outcome.stderr
    assert not healthy("history", "-o", "json").json["items"][1:]


def test_one_that_fails_ends_it(site: Site) -> None:
    add_association(site.box.world, "shop", "orders", "storefront")
    site.box.world.credentials.deny("eks:CreateAddon")
    outcome = site("doctor", "--fix", "--yes")
    assert outcome.code == 3
    assert "ended with exit code 4; no other fix is tried" in outcome.stderr


def test_at_a_terminal_each_is_asked_about(site: Site) -> None:
    add_association(site.box.world, "shop", "orders", "storefront")
    answers = Answers(False, False, False)
    site.podid.tty, site.podid.answers = True, answers
    outcome = site("doctor", "--fix")
    assert outcome.code == 3
    assert "left as it is" in outcome.stderr
    assert "  fix: podid install-agent --cluster demo\n" in outcome.stderr  # a command that is wrapped as one
    assert answers.questions
    assert not site("history", "-o", "json").json["items"]


def test_watch_only_looks(site: Site) -> None:
    assert site("doctor", "--fix", "--watch").code == 2


def found(check: str, *commands: tuple[str, ...], kind: FixClass = FixClass.ASK, **more: Any) -> Verdict:
    subject = Subject("Deployment", "orders", "shop")
    fix = Fix(kind, commands)
    return Verdict(check=check, outcome=Outcome.FAIL, subject=subject, message="m", fix=fix, **more)


RESTART = ("podid", "restart", "shop/orders")


def test_what_podid_carries_out_itself() -> None:
    report = DoctorReport(
        cluster="demo",
        cluster_arn="",
        taken_at=datetime(2026, 1, 1, tzinfo=UTC),
        verdicts=(
            found("a", RESTART),
            found("b", RESTART),  # done once
            found("c", ("kubectl", "delete", "pod", "x")),
            found("d", ("podid", "history")),  # changes nothing
            found("e", ("podid", "install-agent"), kind=FixClass.PRINT),
            found("f", ("podid", "install-agent"), masked_by="a"),
            found("g", ("podid", "role", "create", "r"), ("aws", "iam", "x")),
            found("h", ("podid", "install-agent"), kind=FixClass.SAFE),
            found("i"),
        ),
    )
    assert [(item.verdict.check, item.asks) for item in mends(report)] == [("a", True), ("h", False)]
    assert [item.verdict.check for item in mends(report, ("h",))] == ["h"]
