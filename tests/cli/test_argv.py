"""Options that are read from a command line without parsing it."""

import pytest

from harness import Podid
from podid.cli.argv import EVALUATING, at_one, command_first, condition_keys_named, separated
from podid.cli.tree import COMMANDS
from podid.sandbox.box import Sandbox


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("--region us-west-2 list", "list --region us-west-2"),
        ("-o json -c demo show shop/orders -q", "show -o json -c demo shop/orders -q"),
        ("-ojson --cluster=demo role show r", "role show -ojson --cluster=demo r"),
        ("-qvA doctor", "doctor -q -v -A"),
        ("-Ac demo ls", "ls -A -c demo"),
        ("-c=demo help list", "help -cdemo list"),
        ("--dry-run -y disassociate -- shop/orders", "disassociate --dry-run -y -- shop/orders"),
        ("--cluster list list", "list --cluster list"),
        ("-o json role", "role -o json"),
        ("--show-permissions associate", "associate --show-permissions"),
        ("-o json nosuch", "nosuch -o json"),
        # what is no shared option stays where it is
        ("--role r associate", "--role r associate"),
        ("-c list", "-c list"),
        ("--help list", "--help list"),
        ("list -o json", "list -o json"),
        ("-- list", "-- list"),
        ("", ""),
    ],
)
def test_shared_options_may_stand_before_the_command(typed: str, meant: str) -> None:
    assert command_first(separated(typed.split())) == meant.split()


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("status -Ac demo", "status -A -c demo"),
        ("status -qvc=demo -n=shop -ojson", "status -q -v -cdemo -nshop -ojson"),
        ("disassociate -yn shop -- -Ay", "disassociate -y -n shop -- -Ay"),
        # a value stays as it is
        (
            "role detach r --inline-policy -yq -yq --yes -qv -c -Ay",
            "role detach r --inline-policy -yq -y -q --yes -q -v -c -Ay",
        ),
        # an unset shell variable is an error, and takes no other word as value
        ("list -n= -A", "list -n= -A"),
        ("list -f=a.yaml -x -Az --role=-Ay", "list -fa.yaml -x -A -z --role=-Ay"),
    ],
)
def test_each_short_option_is_a_word(typed: str, meant: str) -> None:
    assert separated(typed.split()) == meant.split()


def test_joined_short_options_mean_the_same(podid: Podid, two: Sandbox) -> None:
    region = ("--region", "us-west-2")
    typed, joined = (podid("status", *words, *region, "shop/orderz") for words in (("-q", "-c", "demo"), ("-qc=demo",)))
    assert (typed.code, joined.code) == (5, 5)
    assert joined.stderr == typed.stderr.replace("-c demo", "-cdemo")


def test_condition_keys_are_not_kube_contexts() -> None:
    assert {
        command.name for command in COMMANDS if any("--context-key" in item.spellings for item in command.load().own)
    } == set(EVALUATING)
    line = "can-i a/b s3:Get --context aws:SourceIp=1.2.3.4 --context=aws:x=y --context arn:aws:eks:r:1:cluster/a=b"
    named = line.replace("--context aws", "--context-key aws").replace("--context=", "--context-key=")
    assert condition_keys_named(line.split()) == named.split()
    assert condition_keys_named(line.replace("can-i", "list").split()) == line.replace("can-i", "list").split()
    assert condition_keys_named(["can-i", "a/b", "--context"]) == ["can-i", "a/b", "--context"]


def test_a_hint_has_the_options_behind_the_command(podid: Podid, two: Sandbox) -> None:
    assert podid("-o", "json", "list").json["items"] == podid("list", "-o", "json").json["items"]
    outcome = podid("--region", "us-west-2", "status", "shop/orderz")
    assert (outcome.code, outcome.stderr.splitlines()[-1]) == (5, "Try:   podid status --region us-west-2 shop/orders")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("list --cluster a -n x --cluster=b", "list --cluster b -n x"),
        ("list -ca -c b --region r", "list --cluster b --region r"),
        ("list --all-clusters -o json", "list --cluster b -o json"),
        ("list -n x", "list -n x"),
        ("associate --cluster a -- --cluster", "associate --cluster b -- --cluster"),
    ],
)
def test_a_command_line_for_one_cluster(line: str, expected: str) -> None:
    assert at_one(line.split(), cluster="b", region=None) == tuple(expected.split())
