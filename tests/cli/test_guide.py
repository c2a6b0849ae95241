"""Guided runs: what is asked when a command is typed alone, and the command line that the answers make."""

import os
import pty
import select
import shlex
import subprocess
import sys
from itertools import pairwise
from typing import Any

import pytest

from harness import Answers, Outcome, Podid, table
from podid.cli.guide import associate
from podid.cli.guide.questions import Account, Facts, Prompt, walk
from podid.cli.guide.questions import Answers as Given
from podid.cli.guide.run import says_only_where
from podid.domain.aws import AssociationSummary, Cluster, Role
from podid.domain.names import ServiceAccountRef
from podid.domain.snapshot import Known, Missing
from worlds import CLUSTER_ARN, Site

TRUST = {"Statement": [{"Effect": "Allow", "Principal": {"Service": "pods.eks.amazonaws.com"}, "Action": "sts:*"}]}
OTHERS = {"Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:*"}]}


def role(name: str, trust: Any) -> Role:
    return Role(name=name, arn=f"arn:aws:iam::111122223333:role/{name}", path="/", role_id="AROA", trust=trust)


def one(name: str, pods: int = 0, *, associated: bool = False, owner: str | None = None) -> Account:
    ref = ServiceAccountRef("shop", name)
    arn = "arn:aws:eks:us-west-2:111122223333:podidentityassociation/demo/a-1"
    found = AssociationSummary(
        cluster_name="demo",
        namespace="shop",
        service_account=name,
        association_id="a-1",
        association_arn=arn,
        owner_arn=owner,
    )
    return Account(ref, {f"Deployment {name}": pods} if pods else {}, found if associated else None)


NARROW = {
    "Statement": [
        {**TRUST["Statement"][0], "Condition": {"StringEquals": {"aws:RequestTag/kubernetes-service-account": "cart"}}}
    ]
}
FACTS = Facts(
    cluster=Cluster(name="demo", arn=CLUSTER_ARN, version="1.35", status="ACTIVE", platform_version="eks.1"),
    region="us-west-2",
    accounts=Known(
        (
            one("cart", 3, associated=True),
            one("default"),
            one("idle"),
            one("orders", 2),
            one("owned", 1, associated=True, owner="arn:aws:eks:us-west-2:111122223333:addon/demo/x/1"),
        )
    ),
    roles=Known((role("ec2", OTHERS), role("narrow", NARROW), role("wide", TRUST))),
)


class Scripted:
    """Answers by key; `back` goes back once after each of them, and gives the same again."""

    def __init__(self, answers: Given, *, back: bool = False) -> None:
        self.answers, self.back = answers, back
        self.asked: dict[str, Prompt] = {}
        self._gone_back: set[str] = set()

    def __call__(self, question: Prompt, back: bool) -> str | None:
        if self.back and back and question.key not in self._gone_back:
            self._gone_back.add(question.key)
            return None
        self.asked[question.key] = question
        answer = self.answers[question.key]
        assert not question.options or answer in {option.value for option in question.options}
        assert question.options or question.check(answer) == ""
        return answer


NEW = {"namespace": "shop", "account": "orders", "role": "new", "settings.0": "nothing", "restart": "yes", "go": "do"}
READ = {
    "permissions": "preset",
    "preset": "dynamodb-read",
    "parameter.table": "orders",
    "more.0": "nothing",
    "another": "no",
}
SEND = {"another": "yes", "1.preset": "sqs-send", "1.parameter.queue": "out", "1.more.0": "nothing", "1.another": "no"}
HERE, AWAY = (f"arn:aws:iam::{account}:role/reports" for account in ("111122223333", "444455556666"))
ONWARD = {"settings.0": "target", "target": HERE, "settings.1": "nothing"}
USUAL = {"scope": "service-account", "name": "demo-shop-orders"}


@table(
    ("answers", "words"),
    [
        (NEW | READ | USUAL, "shop/orders --create-role --preset dynamodb-read,table=orders --restart"),
        (
            NEW | READ | USUAL | {"more.0": "key", "parameter.key": f"mrk-{'0' * 32}", "more.1": "nothing"},
            f"shop/orders --create-role --preset dynamodb-read,table=orders,key=mrk-{'0' * 32} --restart",
        ),
        (
            NEW
            | {"permissions": "managed", "managed": "AmazonS3ReadOnlyAccess", "scope": "namespace"}
            # typed, as another name than the usual one
            | {"name": "…", "name-typed": "shop", "restart": "no"},
            "shop/orders --create-role --role shop --managed-policy AmazonS3ReadOnlyAccess --scope namespace",
        ),
        (NEW | USUAL | {"permissions": "nothing", "restart": "no"}, "shop/orders --create-role"),
        (
            NEW | READ | SEND | USUAL | {"restart": "no"},
            "shop/orders --create-role --preset dynamodb-read,table=orders --preset sqs-send,queue=out",
        ),
        (
            NEW | ONWARD | {"role": "wide", "account": "idle", "target-trust": "yes"},
            f"shop/idle --role wide --target-role {HERE} --update-trust",
        ),
        (
            NEW | ONWARD | {"role": "wide", "account": "idle", "target-trust": "no"},
            f"shop/idle --role wide --target-role {HERE}",
        ),
        (
            NEW
            | {"role": "wide", "account": "idle", "settings.0": "policy", "session-policy": __file__}
            | {"settings.1": "target", "target": AWAY},
            f"shop/idle --role wide --target-role {AWAY} --session-policy {__file__} --no-session-tags",
        ),
        (  # one consent for the trust policies of both
            NEW | ONWARD | {"role": "narrow", "trust": "yes", "scope": "service-account", "restart": "no"},
            f"shop/orders --role narrow --target-role {HERE} --update-trust",
        ),
        (NEW | {"role": "wide", "account": "idle"}, "shop/idle --role wide"),
        (NEW | {"role": "wide", "account": "cart"}, "shop/cart --role wide --replace --restart"),
        (
            NEW | {"role": "narrow", "trust": "yes", "scope": "namespace"},
            "shop/orders --role narrow --scope namespace --update-trust --restart",
        ),
        (NEW | {"role": "…", "role-typed": "ec2", "restart": "no"}, "shop/orders --role ec2"),
        (
            NEW | {"account": "…", "account-typed": "pay", "create-account": "yes", "role": "wide"},
            "shop/pay --role wide --create-service-account",
        ),
    ],
)
def test_the_answers_make_a_command_line_whichever_way_they_came(answers: Given, words: str) -> None:
    for back in (False, True):
        given = walk(associate.associate, lambda _: FACTS, Scripted(answers, back=back))
        assert shlex.join(associate.words(given, FACTS)) == words


def asked(answers: Given, facts: Facts = FACTS) -> dict[str, Prompt]:
    scripted = Scripted(answers)
    walk(associate.associate, lambda _: facts, scripted)
    return scripted.asked


def test_what_is_likely_wanted_comes_first() -> None:
    questions = asked(NEW | READ | USUAL)
    titles = {key: [option.value for option in question.options] for key, question in questions.items()}
    assert titles["account"] == ["orders", "idle", "default", "cart", "owned", "…"]
    assert questions["account"].options[4].off == "owned by an add-on: podid addon associate"
    assert titles["role"] == ["new", "wide", "narrow", "…"]
    assert [option.value for option in questions["preset"].options if option.value == "dynamodb-read"]
    assert "1. create role demo-shop-orders, with permission to read items of table orders" in "".join(
        questions["go"].lead
    )


def test_what_is_rarely_wanted_is_behind_one_question() -> None:
    questions = asked(NEW | READ | SEND | USUAL | ONWARD | {"target-trust": "yes"})
    firsts = {key: question.options[0].value for key, question in questions.items() if question.options}
    assert (firsts["another"], firsts["1.another"], firsts["settings.0"]) == ("no", "no", "nothing")
    assert "dynamodb-read" not in {option.value for option in questions["1.preset"].options}
    assert "last at most 59 minutes" in questions["target"].lead[0]
    assert questions["target"].check("reports") != ""
    assert questions["go"].lead[1:5] == (
        "  1. create role demo-shop-orders, with permission to read items of table orders and of its indexes, and send "
        "messages to queue out; only pods of shop/orders can assume it",
        "  2. give the pods of shop/orders role demo-shop-orders",
        f"  3. let them assume target role {HERE}",
        "  4. add a statement to the trust policy of role reports, if required",
    )


def test_where_the_cluster_cannot_be_looked_into_names_are_typed() -> None:
    from dataclasses import replace

    facts = replace(FACTS, accounts=Missing("it is private"), roles=Missing("it is denied"))
    typed = {"namespace-typed": "shop", "account-typed": "orders", "role": "…", "role-typed": "wide"}
    typed |= {"settings.0": "nothing", "go": "do"}
    questions = asked(typed, facts)
    assert set(questions) == set(typed)
    assert "it is private" in questions["namespace-typed"].lead[-1]
    # a namespace is a DNS label, a service account a DNS subdomain
    for key, name, good in (
        ("namespace-typed", "shop", True),
        ("namespace-typed", "my.shop", False),
        ("account-typed", "my.app", True),
        ("account-typed", "Orders", False),
        *((key, name, False) for key in ("namespace-typed", "account-typed") for name in ("", " ", "shop/orders", "ä")),
    ):
        said = questions[key].check(name)
        assert (said == "", len(said) <= 80) == (good, True), (key, name, said)


def test_a_cluster_without_an_agent_is_told_before_anything_is_done(site: Site) -> None:
    answers = {"namespace": "shop", "account": "orders", "role": "storefront", "settings.0": "nothing"}
    answers |= {"restart": "no", "go": "show"}
    assert "Pods get no credentials yet: the agent is not installed" in _told(guided(site, answers, "associate")[0])
    site.with_agent()
    assert "Pods get no credentials yet" not in _told(guided(site, answers, "associate")[0])


def _told(outcome: Outcome) -> str:
    return " ".join(outcome.stderr.split())


def test_without_a_way_into_the_cluster(account: Site) -> None:
    answers = {"namespace-typed": "shop", "account-typed": "orders", "role": "storefront"}
    answers |= {"settings.0": "nothing", "go": "show"}
    outcome, _ = guided(account, answers, "associate", "--wait", "api")
    assert outcome.code == 0, outcome
    assert "service accounts cannot be listed" in " ".join(outcome.stderr.split())


def test_no_line_is_longer_than_a_small_terminal() -> None:
    answers = (
        NEW | READ | SEND | USUAL | ONWARD | {"target-trust": "yes"},
        NEW | {"role": "narrow", "trust": "yes", "scope": "namespace"},
    )
    for question in (question for each in answers for question in asked(each).values()):
        note = " (arrow keys or letters, Enter)" if len(question.options) > 9 else " (arrow keys, Enter)"
        assert len(f"? {question.text}{note}") <= 80, question.text
        assert all(len(f" » {option.title.strip()}") <= 76 for option in question.options)


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
def test_only_a_command_that_says_nothing_asks(argv: str, expected: bool) -> None:
    assert says_only_where(argv.split(), ("associate",)) is expected


# --- the whole way ----------------------------------------------------------------------------------------------------


def guided(site: Site, answers: Given, *argv: str) -> tuple[Outcome, str]:
    """What came of it, and the command that it ended with."""
    before, site.podid = site.podid, Podid(env=os.environ, clock=site.clock, sleep=site._sleep, tty=True, width=80)
    site.podid.answers = Answers(*(value for value in answers.values()))
    try:
        outcome = site(*argv)
    finally:
        site.podid = before
    lines = outcome.stderr.splitlines()
    said = [after for line, after in pairwise(lines) if line.endswith("The same without questions:")]
    return outcome, "".join(said).strip()


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
        **READ,
        **USUAL,
        "settings.0": "nothing",
        "restart": "yes",
        "go": "do",
    }
    outcome, said = guided(site, answers, "associate")
    assert outcome.code == 0, outcome
    assert said == (
        "podid associate shop/orders --create-role --preset dynamodb-read,table=orders --restart --cluster demo"
    )
    again = site.must(*shlex.split(said)[1:])
    assert requests[0] == requests[1]
    assert "unchanged" in again.stdout
    assert site("history", "-o", "json").json["items"][-1]["command"] == shlex.split(said)[1:]
    terraform = site.must(*shlex.split(outcome.stderr.splitlines()[-1])[1:]).stdout
    assert 'resource "aws_eks_pod_identity_association" "shop_orders" {' in terraform


def test_associate_without_a_role_asks_for_the_rest(site: Site) -> None:
    """A script gets the option to add instead."""
    site.with_agent()
    answers = {"role": "storefront", "settings.0": "nothing", "restart": "no", "go": "do"}
    outcome, said = guided(site, answers, "associate", "shop/orders")
    assert outcome.code == 0, outcome
    assert outcome.stderr.startswith("podid asks a few questions and changes nothing before you have seen the plan.")
    assert said == "podid associate shop/orders --role storefront --cluster demo"
    refused = site("associate", "shop/cart")
    assert (refused.code, refused.stdout) == (2, "")
    assert refused.stderr.endswith("Try:   podid associate shop/cart --create-role\n")


def test_disassociate_and_role_create_ask_too(site: Site) -> None:
    answers = {"namespace": "shop", "account": "orders", "permissions": "nothing", **USUAL}
    answers |= {"settings.0": "target", "target": AWAY, "go": "do"}
    outcome, said = guided(site, answers, "role", "create")
    assert (outcome.code, said) == (
        0,
        f"podid role create --for shop/orders --target-role {AWAY} --cluster demo",
    )
    site.must("associate", "shop/orders", "--role", "demo-shop-orders", "--wait", "api")
    answers = {"which": "shop/orders", "delete-role": "yes", "restart": "no"}
    outcome, said = guided(site, answers, "disassociate", "--yes", "--wait", "api")
    assert outcome.code == 0, outcome
    assert "keep the role's credentials for up to 6 hours" in " ".join(outcome.stderr.split())
    assert said == "podid disassociate shop/orders --delete-role --yes --wait api --cluster demo"
    assert site("role", "show", "demo-shop-orders").code == 5
    assert guided(site, {}, "disassociate")[0].code == 5


def test_what_a_role_allows_and_who_else_uses_it(site: Site) -> None:
    site.must("associate", "shop/orders", "--role", "storefront", "--wait", "none")
    answers = {"namespace": "shop", "account": "default", "role": "storefront", "settings.0": "nothing", "go": "show"}
    outcome, _ = guided(site, answers, "associate")
    told = _told(outcome)
    assert "Role storefront allows s3:Get*" in told
    assert "Other associations in cluster demo with this role: shop/orders." in told


def test_a_role_says_which_pods_it_allows() -> None:
    options = {option.value: option.note for option in asked(NEW | {"role": "wide", "account": "idle"})["role"].options}
    assert options["wide"].startswith("allows any pod")
    assert options["narrow"] == "does not allow these pods yet"


@pytest.mark.parametrize("command", ["show", "verify", "restart"])
def test_a_command_about_one_service_account_asks_for_it(site: Site, command: str) -> None:
    site.with_agent().with_identity()
    more = () if command == "show" else ("--yes",)
    outcome, said = guided(site, {"identity": "shop/orders"}, command, *more)
    assert outcome.code == 0, outcome
    assert "shop/orders" in outcome.stdout
    assert said == shlex.join(("podid", command, "shop/orders", *more, "--cluster", "demo"))
    assert site(command).code == 2


def test_undo_asks_for_the_run(site: Site) -> None:
    assert guided(site, {}, "undo")[0].code == 5
    site.must("associate", "shop/orders", "--role", "storefront", "--wait", "none")
    run = site("history", "-o", "json").json["items"][0]["runId"]
    outcome, said = guided(site, {"run": run}, "undo", "--yes", "--wait", "none")
    assert (outcome.code, said) == (0, f"podid undo {run} --yes --wait none")
    assert site.must("list", "-o", "json").json["items"] == []
    assert site("undo").code == 2


def test_those_with_an_association_are_offered_with_their_state(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
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
def test_nobody_is_asked_where_nobody_can_answer(site: Site, argv: tuple[str, ...]) -> None:
    outcome = site(*argv)
    assert (outcome.code, outcome.stdout) == (2, "")


def test_for_terraform_nothing_is_changed(site: Site) -> None:
    site.must("associate", "shop/orders", "--role", "storefront", "--tag", "team=shop", "--wait", "api")
    printed = ("--print", "terraform")
    found = site.must("associate", "shop/orders", "--no-session-tags", *printed).stdout
    assert found.splitlines() == [
        'resource "aws_eks_pod_identity_association" "shop_orders" {',
        '  cluster_name         = "demo"',
        '  namespace            = "shop"',
        '  service_account      = "orders"',
        '  role_arn             = "arn:aws:iam::111122223333:role/storefront"',
        "  disable_session_tags = true",
        "  tags                 = {",
        '    "team": "shop"',
        "  }",
        "}",
    ]
    made = site.must("associate", "shop/pay", "--create-role", "--role", "pay", *printed).stdout
    assert "role_arn        = aws_iam_role.pay.arn" in made
    alike = ("shop/front-end", "shop-front/end")
    text = site.must("associate", *alike, "--role", "storefront", *printed).stdout
    assert [line.split('"')[3] for line in text.splitlines() if line.startswith("resource")] == [
        "shop_front_end",
        "shop_front_end_2",
    ]
    assert "managed-by" not in made
    assert [item["serviceAccount"] for item in site.must("list", "-o", "json").json["items"]] == ["orders"]
    assert site("associate", "shop/pay", "--role", "r", "--print", "yaml").code == 2
    narrow = site.must("associate", "shop/pay", "--role", "article-2023", "--update-trust", *printed)
    assert narrow.stderr.endswith("allow them too: podid trust add --role article-2023 --for shop/pay\n")


# --- on a real terminal -----------------------------------------------------------------------------------------------


WHERE_IS_THE_CURSOR, AT_THE_TOP = "\x1b[6n", "\x1b[1;1R"


class Typing:
    """podid on a pseudo-terminal of 80 columns, which says where its cursor is when it is asked. Nothing is pressed
    before what it answers is on the screen, and so it has been asked and has answered before."""

    def __init__(self, site: Site, *argv: str) -> None:
        self._main, other = pty.openpty()
        env = {**site.env, "PATH": os.environ["PATH"], "TERM": "xterm", "COLUMNS": "80", "LINES": "40"}
        command = [sys.executable, "-m", "podid", *argv]
        self._process = subprocess.Popen(
            command, stdin=other, stdout=other, stderr=other, env=env, start_new_session=True
        )
        os.close(other)
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


def test_ctrl_c_leaves_nothing(site: Site) -> None:
    typing = Typing(site, "associate").until("Which namespace").until("Another one").press(CTRL_C)
    typing.until("nothing was changed")
    assert typing.leave() == 130
    assert site.must("history", "-o", "json").json["items"] == []
