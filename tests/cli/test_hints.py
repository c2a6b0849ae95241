"""A hint is the command line that was given, with what it says changed: nothing that was given is lost."""

import ast
import re
import shlex
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cli.lines import command_of, required_words
from harness import Podid, examples, table
from parsing import parsed
from podid.cli.hints import at_place, hint_words, options_by_name
from podid.cli.options import SHARED
from podid.cli.tree import COMMANDS, Row
from podid.domain.errors import Again, Other
from podid.sandbox.baseline import add_association
from podid.sandbox.box import Sandbox
from worlds import CLUSTER_ARN, Site

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


TYPOS = (
    "role delete storefrnt",
    "role delet storefront",
    "role detach storefrnt --all-policies",
    "role attach storefrnt --managed-policy ReadOnlyAccess",
    "trust remove --role storefrnt --for shop/orders",
    "trust add --role storefrnt --for shop/orders",
    "disassociate shop/ordrs",
    "disassociate shop/orders --clster demo",
    "move shop/ordrs shop/new",
    "associate shop/orders --role storefrnt --replace",
    "restart shop/ordrs",
    "restart -n shp",
    "uninstall-agent --cluster dmo",
    "install-agent --cluster dmo --force",
    "addon disassociate vpc-nci aws-node",
    "verify shop/ordrs",
)


@table("line", TYPOS)
def test_another_name_is_not_consented_to(healthy: Site, line: str) -> None:
    """The hint names what exists: pasted, it asks before it deletes."""
    hints = set()
    for consent in (("--yes",), (("-y",), ("-qy",), ("-yqo=json",))[TYPOS.index(line) % 3]):
        outcome = healthy(*line.split(), *consent, *(() if "json" in consent[0] else ("-o", "json")))
        assert outcome.code in (2, 5), outcome
        hint = shlex.split(outcome.error["hint"] or "")
        hints.add(" ".join(word for word in hint if word != "-q").replace("-ojson", "-o json"))
        assert not {"--yes", "-y", "--force"} & set(hint), outcome
    assert len(hints) == 1


def test_consent_is_taken_from_flags_alone() -> None:
    argv = ("disassociate", "-A", "-y", "-y", "-q", "--tag", "x=y", "ordrs", "-n", "y", "--", "-y", "ordrs")
    assert hint_words(Again(swap=("ordrs", "orders")), argv) == (
        *("podid", "disassociate", "-A", "-q", "--tag", "x=y", "orders", "-n", "y", "--", "-y", "orders"),
    )


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


VALUES = ("x", "demo", "a=b", "-x", "shop/orders")


@st.composite
def command_lines(draw: st.DrawFn) -> tuple[str, ...]:
    """A command line of any command, in any spelling: options in both forms, names behind `--` where one looks like an
    option."""
    row = draw(st.sampled_from(COMMANDS))
    params = [
        param for param in command_of(row).params if not getattr(param, "is_eager", False) and param.name != "help"
    ]
    flags: list[str] = []
    names: list[str] = []
    for param in params:
        if param.param_type_name == "argument":
            count = draw(st.integers(int(param.required), 2 if param.nargs == -1 else 1))
            names += [draw(st.sampled_from(VALUES)) for _ in range(count)]
        elif param.required or draw(st.booleans()):
            flags += _option(draw, param)
    behind = any(name.startswith("-") for name in names)
    return (*row.path, *flags, "--", *names) if behind else (*row.path, *names, *flags)


def _option(draw: st.DrawFn, param: Any) -> list[str]:
    name = draw(st.sampled_from([*param.opts, *param.secondary_opts]))
    if param.is_flag:
        return [name]
    value = "1" if param.type.name.startswith("int") else draw(st.sampled_from(VALUES))
    if name.startswith("--"):
        return draw(st.sampled_from([[name, value], [f"{name}={value}"]]))
    return draw(st.sampled_from([[name, value], [f"{name}{value}"]]))


@settings(max_examples=examples(75))
@given(argv=command_lines(), data=st.data())
def test_a_hint_has_the_values_of_the_command_line_and_the_added_ones(
    argv: tuple[str, ...], data: st.DataObject
) -> None:
    name, values = parsed(("podid", *argv))
    row = next(row for row in COMMANDS if row.name == name)
    free = [item for item in command_of(row).params if getattr(item, "is_flag", False) and not item.secondary_opts]
    free = [item for item in free if not item.is_eager and item.name not in values]
    added = data.draw(st.lists(st.sampled_from(free), max_size=2, unique=True) if free else st.just([]))
    hint = hint_words(Again(add=tuple(item.opts[0] for item in added)), argv)
    assert parsed(hint) == (name, values | dict.fromkeys((item.name for item in added), True))
    swapped = data.draw(st.sampled_from(VALUES))
    hint = hint_words(Again(swap=(swapped, "other")), argv)
    expected = {key: _with_other(value, swapped) for key, value in values.items()}
    if swapped == "x":  # -x as a value is one word, and the x in it another
        return
    consents = {item.field for item in row.load().options if item.consent}
    asked_again = {key: value for key, value in expected.items() if key not in consents}
    assert hint == () if expected == values else parsed(hint) == (name, asked_again)


def _with_other(value: Any, swapped: str) -> Any:
    if isinstance(value, list | tuple):
        return [_with_other(item, swapped) for item in value]
    return "other" if value == swapped else value


@settings(max_examples=examples(50))
@given(argv=command_lines(), name=st.sampled_from(("orders", "-orders")))
def test_another_command_is_at_the_same_place(argv: tuple[str, ...], name: str) -> None:
    _, values = parsed(("podid", *argv))
    for other in (Other(("role", "show"), (name,)), Other(("agent", "status"), flags=("--cluster", "b"))):
        path, hinted = parsed(hint_words(other, argv))
        shared = next(row for row in COMMANDS if row.name == path).load().shared
        kept = {key: value for key, value in values.items() if key in shared and key in SHARED and SHARED[key].where}
        own = {"name": name} if other.names else {"cluster": "b"}
        assert hinted == kept | own


def test_hints_of_other_programs_have_their_options_for_the_same_place() -> None:
    argv = ("list", "-c", "demo", "--region=eu-west-1", "--profile", "p", "--context", "x")
    assert hint_words(("aws", "configure", "--profile", "q"), argv)[-2:] == ("--region", "eu-west-1")
    assert hint_words(("kubectl", "get", "pods"), argv) == ("kubectl", "get", "pods", "--context", "x")
    assert hint_words(("kubectl", "config", "get-contexts"), argv) == ("kubectl", "config", "get-contexts")
    assert hint_words((), argv) == ()


SOURCES = [path for path in (Path(__file__).parents[2] / "src" / "podid").rglob("*.py") if "sandbox" not in path.parts]


def _calls(having: str) -> Iterator[tuple[str, ast.Call]]:
    """All calls of the files that have this text."""
    for path in SOURCES:
        if having in (text := path.read_text(encoding="utf-8")):
            yield from ((path.name, node) for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call))


def _words(node: ast.AST | None) -> tuple[str, ...]:
    """A literal tuple of words, with x for what is computed."""
    if not isinstance(node, ast.Tuple):
        return ()
    return tuple(
        str(item.value) if isinstance(item, ast.Constant) else "x"
        for item in node.elts
        if not isinstance(item, ast.Starred)
    )


def test_other_commands_are_podids() -> None:
    count = 0
    for file, node in _calls("Other("):
        if getattr(node.func, "id", "") == "Other" and len(node.args) < 3 and all(_words(arg) for arg in node.args):
            named = {word.arg: word.value for word in node.keywords}
            names, flags = (_words(node.args[1]) if len(node.args) > 1 else ()), _words(named.get("flags"))
            assert parsed(Other(_words(node.args[0]), names, flags).of()), file
            assert "x" not in _words(node.args[0]), (file, "a name could be taken for a flag: give it among the names")
            count += 1
    assert count > 8


@cache
def _added() -> set[tuple[str, ...]]:
    return {
        _words(word.value)
        for _, node in _calls("Again(")
        if getattr(node.func, "id", "") == "Again"
        for word in node.keywords
        if word.arg == "add" and _words(word.value)[:1] not in ((), ("x",), ("--show-permissions",))
    }


_command = cache(lambda words: parsed(words)[0])  # most commands get the same hint for most flags


@table("row", COMMANDS)
def test_an_added_flag_is_an_option_of_the_command(row: Row) -> None:
    """An error may come from far below, and be another command's as well: `undo` meets what `associate` does."""
    assert ("--update-trust",) in _added()
    needed = [word for param in command_of(row).params if param.required for word in required_words(param)]
    options = [param for param in command_of(row).params if param.param_type_name == "option"]
    known = {name for param in options for name in (*param.opts, *param.secondary_opts)}
    assert set(options_by_name(row.path)) == known
    elsewhere = Other(("role", "show"), ("-r",))
    for add in _added():
        hint = hint_words(Again(add=add, instead=elsewhere), (*row.path, *needed))
        takes = {word for word in add if word.startswith("--")} <= known
        assert _command(hint) == (row.name if takes else "role show"), (add, hint)
        assert bool(hint_words(Again(add=add), (*row.path, *needed))) == takes


def test_no_hint_is_podids_as_bare_words_and_none_has_a_placeholder() -> None:
    """`Again` and `Other` keep what was given; of other programs' commands every word can be pasted."""
    for file, node in _calls("hint="):
        for keyword in node.keywords:
            if keyword.arg != "hint":
                continue
            for part in ast.walk(keyword.value):
                if isinstance(part, ast.Tuple) and part.elts and isinstance(part.elts[0], ast.Constant):
                    assert part.elts[0].value != "podid", (file, ast.unparse(node))
                if isinstance(part, ast.Constant) and isinstance(part.value, str):
                    assert not re.fullmatch(r"[A-Z][A-Z_/]{2,}", part.value) or part.value == "AWS", (file, part.value)
                    # who forgot to say which is not to be handed all of them, ready to paste
                    assert part.value not in ("-A", "--all-namespaces"), (file, ast.unparse(node))


@pytest.fixture
def associated(box: Sandbox) -> None:
    add_association(box.world, "shop", "orders", "orders-dynamodb")


@pytest.mark.usefixtures("associated")
@table(
    ("line", "code", "hint"),
    [
        ("status shop/orderz", 5, "podid status shop/orders"),
        ("status shop/nothing --region us-west-2 -v", 5, "podid list --region us-west-2"),
        ("associate shop/cart --role storefrnt --tag a=b", 5, "podid associate shop/cart --role storefront --tag a=b"),
        ("associate shop/cart --role zzz -c demo", 5, "podid role create zzz --for shop/cart --cluster demo"),
        ("role show -- -zzz", 5, "podid role list"),
        ("role show storefrnt", 5, "podid role show storefront"),
        ("list -cdem", 5, "podid list -cdemo"),
        ("list --cluster=dem", 5, "podid list --cluster=demo"),
        ("disassociate --yes -- shop/orderz", 5, "podid disassociate -- shop/orders"),
        ("disassociate --yes -- shop/zzz", 5, "podid disassociate --yes --ignore-not-found -- shop/zzz"),
        ("undo zzzzzz --journal-dir {journal}", 5, "podid history --journal-dir {journal}"),
        ("doctor --check agent-not-instaled -n shop", 2, "podid doctor --check agent-not-installed -n shop"),
        ("explain zzz", 5, "podid explain --list"),
        ("list --regio us-west-2", 2, "podid list --region us-west-2"),
        ("asociate shop/orders --role x", 2, "podid associate shop/orders --role x"),
        ("restart -c demo --stale", 2, "podid list --cluster demo"),
        ("associate --selector app=web --role storefront -c demo", 2, ""),
        ("role", 0, ""),
        ("list --cluster", 2, "podid list --help"),
        ("show shop/orders -c demo -c dem --region us-west-2", 2, "podid show --help"),
    ],
)
def test_the_next_command_of_an_error(podid: Podid, files: dict[str, str], line: str, code: int, hint: str) -> None:
    argv = shlex.split(line.format(**files))
    outcome = podid(*argv)
    assert outcome.code == code, outcome
    tried = [row.removeprefix("Try:   ") for row in outcome.stderr.splitlines() if row.startswith("Try:")]
    assert tried == ([hint.format(**files)] if hint else []), outcome
    for words in map(shlex.split, tried):
        assert words[-1] == "--help" or parsed(words)


def test_a_name_from_the_environment_is_overridden(box: Sandbox, podid: Podid) -> None:
    """The same command again would fail the same way."""
    outcome = podid("list", PODID_CLUSTER="dem")
    assert outcome.code == 5
    assert "Clusters in us-west-2: demo." in outcome.stderr
    assert outcome.stderr.endswith("Try:   podid list --cluster demo\n")


def test_fixes_work_where_doctor_did(site: Site) -> None:
    """Pasted elsewhere they would go to another account or region."""
    site.with_samples()
    outcome = site("doctor", "-o", "json", "--region", "us-west-2", "--expect-account", "111122223333", "-c", "demo")
    fixes = [words for finding in outcome.json["findings"] for words in finding["fix"]["commands"]]
    assert {words[0] for words in fixes} >= {"podid"}
    for words in fixes:
        if words[0] == "podid":
            _, values = parsed(words)
            assert (values["region"], values["cluster"]) == ("us-west-2", "demo")
            assert values["expect_account"] == "111122223333"
        elif words[0] == "aws":
            assert words[words.index("--region") + 1] == "us-west-2"


def test_missing_permissions_are_those_of_the_place(healthy: Site) -> None:
    healthy.box.world.credentials.deny("iam:GetRole")
    outcome = healthy("show", "shop/orders", "--region", "us-west-2", "-c", "demo")
    assert "\n  More  podid doctor --me -n shop --cluster demo --region us-west-2\n" in outcome.stdout, outcome
    outcome = healthy("doctor", "--region", "us-west-2", "-c", "demo")
    assert "(podid doctor --me --cluster demo --region us-west-2)\n" in outcome.stdout, outcome
    outcome = healthy("doctor", "-n", "shop", "-c", "demo")
    assert "(podid doctor --me -n shop --cluster demo)\n" in outcome.stdout, outcome
    healthy.box.world.credentials.deny("iam:GetAccountAuthorizationDetails")
    outcome = healthy("audit", "-c", "demo")
    assert "(podid doctor --me --cluster demo --for audit)\n" in outcome.stdout, outcome


def test_a_region_that_the_cluster_binds_goes_with_its_fixes(site: Site) -> None:
    site.with_samples()
    env = {"AWS_REGION": "", "AWS_DEFAULT_REGION": "", "PODID_CLUSTER": CLUSTER_ARN}
    outcome = site("doctor", "-o", "json", env=env)
    fixes = [
        words for finding in outcome.json["findings"] for words in finding["fix"]["commands"] if words[0] == "podid"
    ]
    assert fixes
    assert all(parsed(words)[1]["region"] == "us-west-2" for words in fixes)


def test_notes_of_several_name_their_cluster() -> None:
    both = ("associate", "shop/orders", "--cluster", "demo", "--cluster", "blue", "--region", "us-west-2")
    hint = at_place(("podid", "restart", "shop/orders", "--cluster", "demo"), both)
    assert hint[-4:] == ("--cluster", "demo", "--region", "us-west-2")
