"""Typing errors, and options of other programs: the likely command line."""

import shlex
from collections.abc import Iterator
from typing import Any

import pytest

from cli.lines import command_of, required_words
from harness import Podid, table
from parsing import parsed
from podid.cli import usage_errors
from podid.cli.tree import COMMANDS, Row
from podid.sandbox.box import Sandbox


@pytest.mark.parametrize(
    ("argv", "hint"),
    [
        ("list --stal -o json", "podid list --stale -o json"),
        ("-c demo -o json lsit", "podid list -c demo -o json"),
        ("list --sort role -o json", "podid list --sort-by role -o json"),
        ("associate --restar a/b -o json", "podid associate --restart a/b -o json"),
        ("list --regoin=eu-west-1 -o json", "podid list --region=eu-west-1 -o json"),
        # --cluster takes a value, and none was given
        ("status --all-clusters -o json", "podid status --help"),
    ],
)
def test_an_unknown_option_is_replaced_by_a_similar_one(argv: str, hint: str) -> None:
    assert Podid()(*argv.split()).error["hint"] == hint


def test_a_misspelled_command_that_reads_is_corrected() -> None:
    assert Podid()("lst", "--pods").stderr.splitlines()[-1] == "Try:   podid list --pods"


@table(
    ("line", "hint"),
    [
        ("associate shop:orders --role x", "podid associate shop/orders --role x"),
        ("show system:serviceaccount:shop:orders", "podid show shop/orders"),
        ("role create x --for shop:orders", "podid role create x --for shop/orders"),
        ("associate a/b --role-arn x", "podid associate a/b --role x"),
        ("associate a/b --role-arn=x", "podid associate a/b --role=x"),
        ("list -n a --wide", "podid list -n a --output=wide"),
        ("list --cluster-name demo", "podid list --cluster demo"),
        ("show shop::orders", "None"),
        ("associate a/b --role x --disable-session-tags", "podid associate a/b --role x --no-session-tags"),
        ("role create x --for a/b --policy-arn arn:aws:y", "podid role create x --for a/b --managed-policy arn:aws:y"),
        ("role create x --for a/b --policy arn:aws:y", "podid role create x --for a/b --managed-policy arn:aws:y"),
        ("role create x --for a/b --policy y.json", "podid role create --help"),
        ("role create --role-name x --for a/b", "podid role create x --for a/b"),
        ("role delete --name=x", "podid role delete x"),
        ("role delete --name --adopt", "podid role delete --help"),
        ("role list --name x", "podid role list --help"),
        ("associate --sa b -n a --role x", "podid associate a/b --role x"),
        ("verify --sa a/b", "podid verify a/b"),
        ("can-i s3:GetObject --for a/b", "podid can-i a/b s3:GetObject"),
        ("role create x --service-account a/b", "podid role create x --for a/b"),
        ("role attach x --for a/b", "podid role attach --help"),
        # files are not arguments, as those of kubectl apply
        ("plan a.yaml", "podid plan --file=a.yaml"),
        ("apply a.yaml --yes", "podid apply --file=a.yaml"),
        ("apply a.yaml b.yaml", "podid apply --help"),
        ("associate a/b --role x --no-wait", "podid associate a/b --role x --wait=none"),
        ("install-agent --version v1", "podid install-agent --addon-version v1"),
        ("restart --all", "podid restart --all-namespaces"),
        ("list --ouput json", "podid list --output json"),
        ("list --nocolor", "podid list --no-color"),
        ("list --kube-contex x", "podid list --context x"),
        # what is like no option, or the reverse of one
        ("disassociate a/b --force", "podid disassociate --help"),
        ("verify --pod x", "podid verify --help"),
        ("doctor --no-probe", "podid doctor --help"),
        ("associate --association-id a-1", "podid associate --help"),
    ],
)
def test_options_of_other_programs(line: str, hint: str) -> None:
    outcome = Podid()(*line.split(), "-o", "json")
    assert outcome.code == 2
    assert str(outcome.error["hint"]).removesuffix(" -o json") == hint


def test_commands_of_other_programs(box: Sandbox, podid: Podid) -> None:
    assert podid("ls", "-o", "json").json == podid("list", "-o", "json").json
    assert podid("version", "-o", "name").stdout == podid("--version").stdout.removeprefix("podid ")
    assert podid("help", "role", "create").stdout == podid("role", "create", "--help").stdout


@pytest.mark.parametrize(("typed", "called"), usage_errors.COMMANDS_ELSEWHERE.items())
def test_a_command_of_another_program_has_its_name_here(typed: str, called: str) -> None:
    assert called in {row.name for row in COMMANDS}
    outcome = Podid()(typed, "shop/orders", "-o", "json")
    assert (outcome.code, outcome.error["message"]) == (2, f"Unknown command {typed}; podid calls it {called}")
    expected = "podid show shop/orders" if called == "show" else f"podid {called}"
    assert str(outcome.error["hint"]).startswith(expected)


@pytest.mark.parametrize(
    ("line", "called"),
    [
        ("create role shop-orders", "role create"),
        ("delete roles shop-orders", "role delete"),
        ("check trust", "trust check"),
        ("create pod", "associate"),
    ],
)
def test_a_verb_before_its_noun(line: str, called: str) -> None:
    outcome = Podid()(*line.split())
    assert f"podid calls it {called}.\nTry:   podid {called} --help" in outcome.stderr


def _foreign() -> Iterator[Any]:
    """Each option that other programs have, and each command that has what it is called here; of these the first is
    always tried."""
    for option, instead in usage_errors.ELSEWHERE.items():
        always = True
        for row in COMMANDS:
            params = {name: param for param in command_of(row).params for name in (*param.opts, *param.secondary_opts)}
            called = next((name for name in instead if name.partition("=")[0] in params), "")
            if called and option not in params and not params[called.partition("=")[0]].required:
                flag = "=" in called or params[called].is_flag
                words = (option,) if flag else (option, "x")
                name = f"{option}-{row.name}"
                yield pytest.param(row, words, called, id=name, marks=() if always else pytest.mark.rare)
                always = False


@table(("row", "words", "called"), list(_foreign()))
def test_the_hint_for_an_option_of_another_program_can_be_parsed(row: Row, words: tuple[str, ...], called: str) -> None:
    needed = [word for param in command_of(row).params if param.required for word in required_words(param)]
    outcome = Podid(env={"PODID_OUTPUT": "json"})(*row.path, *needed, *words)
    assert outcome.error["message"].startswith(f"Unknown option {words[0]}; "), outcome
    hint = shlex.split(outcome.error["hint"])
    assert parsed(hint)[0] == row.name
    assert (called in hint) == (called != "--yes"), outcome  # nobody is handed a consent
