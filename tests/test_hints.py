"""A hint is the command line that was given, with what it says changed: nothing that was given is lost."""

import json
import shlex
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import Podid
from podid.domain.errors import Again
from podid.sandbox.baseline import add_association
from podid.sandbox.box import Sandbox

POLICY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}
WORDS = st.lists(
    st.sampled_from(("shop/orders", "--role", "a", "-c", "demo", "--tag", "k=v", "--wait=none")), max_size=8
)


@given(before=WORDS, after=st.none() | WORDS, add=st.sampled_from(((), ("--yes",), ("--cluster", "demo"))))
def test_every_word_is_kept_and_flags_stay_flags(
    before: list[str], after: list[str] | None, add: tuple[str, ...]
) -> None:
    argv = (*before, *(() if after is None else ("--", *after)))
    hint = Again(add=add).of(argv)
    assert hint[0] == "podid"
    assert Counter(hint[1:]) == Counter((*argv, *add))
    flags = hint[1 : hint.index("--")] if "--" in hint else hint[1:]
    assert Counter(add) <= Counter(flags)


def test_one_word_for_another() -> None:
    argv = ("associate", "shop/orders", "--role=rola", "--target-role", "rola", "--tag", "rola=rola")
    assert Again(swap=("rola", "role")).of(argv) == (
        *("podid", "associate", "shop/orders", "--role=role", "--target-role", "role", "--tag", "rola=rola"),
    )


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    path = tmp_path / "read.json"
    path.write_text(json.dumps(POLICY))
    return {"policy": str(path), "journal": str(tmp_path / "journal")}


REFUSALS = {
    "replace": (
        "associate shop/orders --role storefront --session-policy {policy} --no-session-tags --tag a=b --wait none "
        "-c demo",
        6,
        ("--replace",),
    ),
    "trust": ("associate shop/pay --role article-2023 --tag a=b --no-session-tags -c demo", 6, ("--update-trust",)),
    "adopt": (
        "role create storefront --for shop/orders --policy-file {policy} -c demo",
        6,
        ("--adopt",),
    ),
    "adopt, other tags": ("role create storefront --for shop/orders --tag a=b -c demo", 6, ("--adopt", "--replace")),
    "yes": ("disassociate shop/orders -c demo --wait none", 2, ("--yes",)),
    "yes, names behind --": ("disassociate -c demo -- shop/orders", 2, ("--yes",)),
    "cluster": ("associate shop/orders --role storefront --tag a=b", 2, ("--cluster", "demo")),
    "all": ("restart -c demo --stale", 2, ("--all-namespaces",)),
    "undo": ("undo --journal-dir {journal} last", 2, ("--yes",)),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_refusals(box: Sandbox, podid: Podid, files: dict[str, str], name: str) -> None:
    line, code, added = REFUSALS[name]
    if name == "undo":
        journal = ("--journal-dir", files["journal"])
        assert podid("associate", "shop/cart", "--role", "storefront", "--wait", "none", *journal).code == 0
    add_association(box.world, "shop", "orders", "orders-dynamodb")
    argv = tuple(shlex.split(line.format(**files)))
    env = {"PODID_CLUSTER": ""} if name == "cluster" else {}
    argv = (argv[0], "-o", "json", *argv[1:]) if argv[0] != "role" else (*argv, "-o", "json")
    outcome = podid(*argv, **env)
    assert outcome.code == code, outcome
    hint = shlex.split(outcome.error["hint"])
    assert Counter(hint) == Counter(("podid", *argv, *added)), outcome


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("associate shop:orders --role x", "podid associate shop/orders --role x"),
        ("show system:serviceaccount:shop:orders", "podid show shop/orders"),
        ("role create x --for shop:orders", "podid role create x --for shop/orders"),
        ("associate a/b --role-arn x", "podid associate a/b --role x"),
        ("associate a/b --role-arn=x", "podid associate a/b --role=x"),
        ("list --cluster-name demo", "podid list --cluster demo"),
        ("show shop::orders", "None"),
    ],
)
def test_as_other_programs_call_it(line: str, hint: str) -> None:
    outcome = Podid()(*line.split(), "-o", "json")
    assert outcome.code == 2
    assert str(outcome.error["hint"]).removesuffix(" -o json") == hint


def test_commands_as_other_programs_call_them(box: Sandbox, podid: Podid, capsys: pytest.CaptureFixture[str]) -> None:
    assert podid("ls", "-o", "json").json == podid("list", "-o", "json").json
    assert podid("version").stdout == podid("--version").stdout
    assert podid("help", "role", "create").code == 0
    assert "podid role create" in capsys.readouterr().out
