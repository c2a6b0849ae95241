"""Guided runs: notes before the plan, the command line at the end, real terminals."""

import os
import pty
import select
import shlex
import subprocess
import sys
from itertools import pairwise
from typing import Any

import pytest

from cli.guide.facts import (
    DEFAULT_NAME,
    DYNAMODB_PRESET,
    OTHER_ACCOUNT_ROLE,
)
from harness import Answers, Outcome, Podid, table
from podid.cli.guide.questions import Answers as GuideAnswers
from podid.cli.guide.questions import Prompt
from podid.cli.guide.run import has_only_place_options
from worlds import Site


def test_a_missing_agent_is_reported_before_the_plan(site: Site) -> None:
    answers = {"namespace": "shop", "account": "orders", "role": "storefront", "settings.0": "nothing"}
    answers |= {"restart": "no", "go": "show"}
    assert "Pods get no credentials yet: the agent is not installed" in _stderr_of(
        guided(site, answers, "associate")[0]
    )
    site.with_agent()
    assert "Pods get no credentials yet" not in _stderr_of(guided(site, answers, "associate")[0])


def _stderr_of(outcome: Outcome) -> str:
    return " ".join(outcome.stderr.split())


def test_without_access_to_kubernetes(account: Site) -> None:
    answers = {"namespace-typed": "shop", "account-typed": "orders", "role": "storefront"}
    answers |= {"settings.0": "nothing", "go": "show"}
    outcome, _ = guided(account, answers, "associate", "--wait", "api")
    assert outcome.code == 0, outcome
    assert "service accounts cannot be listed" in " ".join(outcome.stderr.split())


@table(
    ("argv", "expected"),
    [
        ("associate", True),
        ("associate --cluster demo -o json --dry-run -v", True),
        ("associate --cluster=demo --region eu-west-1", True),
        ("associate shop/orders", False),
        ("associate -n shop", False),
        ("associate --role r", False),
    ],
)
def test_only_a_command_without_arguments_asks(argv: str, expected: bool) -> None:
    assert has_only_place_options(argv.split(), ("associate",)) is expected


def guided(site: Site, answers: GuideAnswers, *argv: str) -> tuple[Outcome, str]:
    """What came of it, and the command that it ended with."""
    before, site.podid = site.podid, Podid(env=os.environ, clock=site.clock, sleep=site._sleep, tty=True, width=80)
    site.podid.answers = Answers(*(value for value in answers.values()))
    try:
        outcome = site(*argv)
    finally:
        site.podid = before
    lines = outcome.stderr.splitlines()
    line = [after for line, after in pairwise(lines) if line.endswith("The same without questions:")]
    return outcome, "".join(line).strip()


def test_a_guided_run_ends_with_the_command_that_does_the_same(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    from podid.commands.association import associating

    site.with_agent()
    requests: list[Any] = []
    carry_out = associating.associate_in

    def spy(access: Any, request: Any) -> None:
        requests.append(request)
        carry_out(access, request)

    monkeypatch.setattr(associating, "associate_in", spy)
    answers = {
        "namespace": "shop",
        "account": "orders",
        "role": "new",
        **DYNAMODB_PRESET,
        **DEFAULT_NAME,
        "settings.0": "nothing",
        "restart": "yes",
        "go": "do",
    }
    outcome, line = guided(site, answers, "associate")
    assert outcome.code == 0, outcome
    assert line == (
        "podid associate shop/orders --create-role --preset dynamodb-read,table=orders --restart --cluster demo"
    )
    again = site.must(*shlex.split(line)[1:])
    assert requests[0] == requests[1]
    assert "unchanged" in again.stdout
    assert site("history", "-o", "json").json["items"][-1]["command"] == shlex.split(line)[1:]
    terraform = site.must(*shlex.split(outcome.stderr.splitlines()[-1])[1:]).stdout
    assert 'resource "aws_eks_pod_identity_association" "shop_orders" {' in terraform


def test_associate_without_a_role_asks_for_the_rest(site: Site) -> None:
    """A script gets the option to add instead."""
    site.with_agent()
    answers = {"role": "storefront", "settings.0": "nothing", "restart": "no", "go": "do"}
    outcome, line = guided(site, answers, "associate", "shop/orders")
    assert outcome.code == 0, outcome
    assert outcome.stderr.startswith("podid asks a few questions and changes nothing before you have seen the plan.")
    assert line == "podid associate shop/orders --role storefront --cluster demo"
    refused = site("associate", "shop/cart")
    assert (refused.code, refused.stdout) == (2, "")
    assert refused.stderr.endswith("Try:   podid associate shop/cart --create-role\n")


def test_disassociate_and_role_create_ask_too(site: Site) -> None:
    answers = {"namespace": "shop", "account": "orders", "permissions": "nothing", **DEFAULT_NAME}
    answers |= {"settings.0": "target", "target": OTHER_ACCOUNT_ROLE, "go": "do"}
    outcome, line = guided(site, answers, "role", "create")
    assert (outcome.code, line) == (
        0,
        f"podid role create --for shop/orders --target-role {OTHER_ACCOUNT_ROLE} --cluster demo",
    )
    site.must("associate", "shop/orders", "--role", "demo-shop-orders", "--wait", "api")
    answers = {"which": "shop/orders", "delete-role": "yes", "restart": "no"}
    outcome, line = guided(site, answers, "disassociate", "--yes", "--wait", "api")
    assert outcome.code == 0, outcome
    assert "keep the role's credentials for up to 6 hours" in " ".join(outcome.stderr.split())
    assert line == "podid disassociate shop/orders --delete-role --yes --wait api --cluster demo"
    assert site("role", "show", "demo-shop-orders").code == 5
    assert guided(site, {}, "disassociate")[0].code == 5


def test_the_permissions_and_other_users_of_a_role_are_shown(site: Site) -> None:
    site.must("associate", "shop/orders", "--role", "storefront", "--wait", "none")
    answers = {"namespace": "shop", "account": "default", "role": "storefront", "settings.0": "nothing", "go": "show"}
    outcome, _ = guided(site, answers, "associate")
    stderr = _stderr_of(outcome)
    assert "Role storefront allows s3:Get*" in stderr
    assert "Other associations in cluster demo with this role: shop/orders." in stderr


@pytest.mark.parametrize("command", ["show", "verify", "restart"])
def test_a_command_about_one_service_account_asks_for_it(site: Site, command: str) -> None:
    site.with_agent().with_identity()
    more = () if command == "show" else ("--yes",)
    outcome, line = guided(site, {"identity": "shop/orders"}, command, *more)
    assert outcome.code == 0, outcome
    assert "shop/orders" in outcome.stdout
    assert line == shlex.join(("podid", command, "shop/orders", *more, "--cluster", "demo"))
    assert site(command).code == 2


def test_undo_asks_for_the_run(site: Site) -> None:
    assert guided(site, {}, "undo")[0].code == 5
    site.must("associate", "shop/orders", "--role", "storefront", "--wait", "none")
    run = site("history", "-o", "json").json["items"][0]["runId"]
    outcome, line = guided(site, {"run": run}, "undo", "--yes", "--wait", "none")
    assert (outcome.code, line) == (0, f"podid undo {run} --yes --wait none")
    assert site.must("list", "-o", "json").json["items"] == []
    assert site("undo").code == 2


def test_service_accounts_are_offered_with_their_state(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.with_agent().with_identity()
    offered: dict[str, str] = {}
    ask = Answers.ask

    def record(self: Answers, question: Prompt, *, back: bool) -> str | None:
        offered.update({option.value: option.note for option in question.options})
        return ask(self, question, back=back)

    monkeypatch.setattr(Answers, "ask", record)
    answers = {"namespace": "shop", "account": "orders", "role": "storefront", "settings.0": "nothing"}
    guided(site, {**answers, "restart": "no", "go": "show"}, "associate")
    assert offered["orders"] == "Deployment orders, 2 pods; has a role: ready"
    site.box.failures.put("static-aws-keys-shadow")
    name = "broken/static-aws-keys-shadow"
    guided(site, {"which": name}, "disassociate", "--yes", "--wait", "api")
    assert offered[name] == "Deployment static-aws-keys-shadow, 2 pods; broken, SDK: static-aws-keys-shadow"


@pytest.mark.parametrize("argv", [("associate",), ("disassociate",), ("role", "create")])
def test_without_a_terminal_nothing_is_asked(site: Site, argv: tuple[str, ...]) -> None:
    outcome = site(*argv)
    assert (outcome.code, outcome.stdout) == (2, "")


WHERE_IS_THE_CURSOR, AT_THE_TOP = "\x1b[6n", "\x1b[1;1R"


class Typing:
    """podid on a pseudo-terminal of 80 columns, which says where its cursor is when it is asked. Nothing is pressed
    before what it answers is on the screen, and so it has been asked and has answered before."""

    def __init__(self, site: Site, *argv: str) -> None:
        self._main, inner = pty.openpty()
        env = {**site.env, "PATH": os.environ["PATH"], "TERM": "xterm", "COLUMNS": "80", "LINES": "40"}
        command = [sys.executable, "-m", "podid", *argv]
        self._process = subprocess.Popen(
            command, stdin=inner, stdout=inner, stderr=inner, env=env, start_new_session=True
        )
        os.close(inner)
        self.seen = ""
        self._looked_to = self._answered = 0

    def until(self, text: str) -> "Typing":
        """Reads until that is on the screen, after what was looked for before."""
        while (place := self.seen.find(text, self._looked_to)) < 0:
            assert self._reads(), self.seen
        self._looked_to = place + len(text)
        return self

    def _reads(self) -> bool:
        """Whether there was more before podid ended, or half a minute passed."""
        if not select.select([self._main], [], [], 30)[0]:
            self._process.kill()
            return False
        try:
            self.seen += os.read(self._main, 65536).decode(errors="replace")
        except OSError:  # nobody holds the other end any more
            return False
        for _ in range(self.seen.count(WHERE_IS_THE_CURSOR) - self._answered):
            self.press(AT_THE_TOP)
            self._answered += 1
        return True

    def press(self, keys: str) -> "Typing":
        os.write(self._main, keys.encode())
        return self

    def leave(self) -> int:
        while self._reads():
            pass
        code = self._process.wait(30)
        os.close(self._main)
        return code


DOWN, ENTER, CTRL_C = "\x1b[B", "\r", "\x03"


def test_on_a_real_terminal_with_arrow_keys_and_enter(site: Site) -> None:
    typing = Typing(site, "associate")
    typing.until("Which namespace").until("Another one").press(ENTER).until("Which service account").until("back")
    typing.press(ENTER).until("Which IAM role").until("back").press(DOWN + ENTER)
    typing.until("Further settings?").until("back").press(ENTER)
    typing.until("Restart these pods?").until("back").press(DOWN + ENTER)
    typing.until("Make these changes?").until("back").press(DOWN + ENTER).until("create association")
    assert typing.leave() == 0
    assert site.must("list", "-o", "json").json["items"] == []


def test_ctrl_c_changes_nothing(site: Site) -> None:
    typing = Typing(site, "associate").until("Which namespace").until("Another one").press(CTRL_C)
    typing.until("nothing was changed")
    assert typing.leave() == 130
    assert site.must("history", "-o", "json").json["items"] == []
