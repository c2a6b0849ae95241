"""The words of messages, help, pages, documents and docstrings, see CONTRIBUTING.md."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from harness import table
from sources import FILES, PACKAGE, ROOT, Definition, definitions, nodes, parsed

NOT_SAID = {
    "words by ear": r"could not be had|cannot be asked|in a row over|(cannot|could not) be told|by ear",
    "a number that does not fit its noun": r"\b1 times\b|\ball 1 |[a-z]\(s\)",
    "a kind's id for its title": r"(?<![-\w`])role-(attachment|policy|trust|settings)(?![-\w])",
    "addon in a sentence": r"(?<![-\w:/.`'\"{=])addons?(?= (\{|[a-z]))(?! (associate|disassociate|install|list)\b)",
    "a link without its name": r"\blink (\d+\b|\{(?!link_words)[^}]*(number|link)\})(?! [a-zA-Z])",
    "pia, sa, SA for nouns": r"\b(PIA|pia)\b",
    "look at, for check": r"\b([Ll]ook(s|ed|ing)? (at|into)|looked for)\b",
    "admit and let in, for allow": r"\b(admits?|admitting|lets? (in|it in|them in|everybody|anybody)|let in)\b",
    "go on to, for assume": r"\bgo(es)? on to\b|\b(first|second) hop\b",
    "may not ACTION, for is not authorized to perform": r"\bmay not [a-z0-9]+:[A-Z]",
    "exclude each other": r"exclude each other|do(es)? not go together",
    "mend, for fix": r"\bmend(s|ed|ing)?\b",
    "a yes, for confirmation": r"\ba yes\b|\bafter the yes\b",
    "rights, for permissions": r"\brights\b|\bthe right to\b",
    "services as persons": r"\b(remembers?|forgets)\b|\b(IAM|EKS|AWS|podid|Kubernetes|nothing) (knows|tells|wants)\b",
    "whoever, somebody, nobody": r"(?<!/)\b(whoever|nobody|somebody|anybody|whom)\b",
    "take away, take back": r"\b(take[ns]?|taking) (it |them |that |these )?(away|back)\b",
    "leave alone, leave out": r"\b(leaves?|left|leaving) (it |them |that )?(alone|out)\b",
    "the way into": r"\b(the|a|no) way (into|in)\b",
    "all the same, at hand, for good": r"\ball the same\b|\bat hand\b|\bfor good\b",
    "what it takes, for what is required": r"\bwhat it takes\b|\bit takes \{",
    "deleted again, for deleted": r"(?<!and )\b(deleted?|deleting)\b(?! and)[^.;:]{0,40} again\b(?!, then)"
    r"(?<!create it again)(?<!created again)",
    "replace by, for replace with": r"\b[Rr]eplac(e|es|ed|ing) (?!pods)([^ ]+ ){1,4}by (?!itself|themselves)",
    "given, for specified": r"\b(is|are|was|be) (given|already given) (twice|once|only once)\b",
    "what exists, for existing": r"\b(adopts?|imports?|keeps?) what (exists|there is)\b|\bolder way\b",
    "mint, for request": r"\b[Mm]int(s|ed|ing)?\b",
    "answer completely": r"\bdid not answer completely\b|\b(is|are|was) over\b(?! )",
}
# kinds as identifiers, texts of others, and what is no sentence
KEPT = (
    *(
        "src/podid/ops/change/kinds/",
        "src/podid/pages/texts.py",
        "src/podid/pages/index.py",
        "src/podid/sandbox/",
    ),
    *("docs/reference/json/", "CONTRIBUTING.md", "src/podid/facts/agent_logs.py", "src/podid/aws/error_rules.py"),
)


def _strings(path: Path) -> Iterator[str]:
    """Every string of a module that may be seen: docstrings only of commands, of an f-string the whole."""
    inner: set[int] = set()
    for node in nodes(path):
        if isinstance(node, ast.JoinedStr):
            inner.update(id(part) for part in node.values)
            yield ast.unparse(node)[2:-1]
        elif isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Module) and "/commands/" not in path.as_posix():
            inner.update(id(item.value) for item in node.body[:1] if isinstance(item, ast.Expr))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inner:
            yield node.value


@cache
def _read() -> tuple[tuple[str, str], ...]:
    """File and text; of pages and documents the lines without code, and without others' texts in a page's head."""
    found: list[tuple[str, str]] = []
    for path in sorted([*(ROOT / "src" / "podid").rglob("*"), *(ROOT / "docs").rglob("*.md"), *ROOT.glob("*.md")]):
        name = path.relative_to(ROOT).as_posix()
        if name.startswith(KEPT):
            continue
        if path.suffix == ".py":
            found += [(name, text) for text in _strings(path)]
        elif path.suffix == ".md":
            lines = re.sub(r"`[^`\n]*`", "", path.read_text(encoding="utf-8")).splitlines()
            found += [(name, line) for line in lines if not line.startswith("  - ")]
    return tuple(found)


@table("what", NOT_SAID)
def test_terms_that_are_not_used(what: str) -> None:
    found = [(name, text[:120]) for name, text in _read() if " " in text and re.search(NOT_SAID[what], text)]
    assert found == []


def _descriptions() -> Iterator[tuple[str, str]]:
    """The descriptions of members in the JSON schemas."""
    for path in FILES:
        for node in nodes(path) if "About(" in path.read_text(encoding="utf-8") else ():
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "About" and node.args:
                yield path.name, ast.unparse(node.args[0]).strip("'\"")


def test_a_description_is_no_question() -> None:
    """Name the thing: "The reason why it failed", not "Why it failed"."""
    descriptions = list(_descriptions())
    assert len(descriptions) > 200
    questions = re.compile(r"(Why|How|What|Whose|Who|Where|When|Of|Which) ")
    assert [(name, text) for name, text in descriptions if questions.match(text)] == []


# --- docstrings: a verb first, no relative clause for a title ---------------------------------------------------------

_RIDDLE = re.compile(r"(What|Whose|Where|Who|Whom|Why|How|Which|When|Whatever|Whoever|Whether)\b")
_NO_VERB = re.compile(
    r"(The|An?|Every|Those|All|Its|Their|Each|Another|Both|Nothing|They|This|These|Of|With|Without|For|From|While|As"
    r"|Only|True|False|None|If|After|Before|[A-Z]{2,}|[A-Z][a-z]+s|[A-Z][a-z]+ed)\b"
    r"(?<!\bPass)(?<!\bProcess)(?<!\bAccess)(?<!\bSeed)(?<!\bNeed)|[^A-Z]"
)


@cache
def _docstrings() -> tuple[tuple[str, Definition, str], ...]:
    """Return the docstrings of podid, and of the helpers that the tests share, by their place, with the node."""
    helpers = (path for path in (ROOT / "tests").rglob("*.py") if not path.name.startswith("test_"))
    return tuple(
        (f"{path.relative_to(ROOT).as_posix().removeprefix('src/podid/')}:{getattr(node, 'name', '')}", node, text)
        for path in (*FILES, *sorted(helpers))
        for node in definitions(parsed(path))
        if (text := ast.get_docstring(node))
    )


def test_no_docstring_begins_with_a_relative_clause() -> None:
    assert len(_docstrings()) > 2000
    assert [(place, text.splitlines()[0]) for place, _, text in _docstrings() if _RIDDLE.match(text)] == []


def test_docstrings_of_functions_begin_with_a_verb() -> None:
    nouns = [
        (place, text.splitlines()[0])
        for place, node, text in _docstrings()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and _NO_VERB.match(text)
    ]
    assert nouns == []


@cache
def _comments() -> tuple[tuple[str, str], ...]:
    """Docstrings and comments by their place, without code and addresses."""
    texts = [(place, text) for place, _, text in _docstrings()]
    for path in FILES:
        place = path.relative_to(PACKAGE).as_posix()
        texts += [(place, text) for text in re.findall(r"(?m)(?:^ *|  )# (.+)$", path.read_text(encoding="utf-8"))]
    return tuple((place, re.sub(r"`[^`]*`|https?://\S+", "", " ".join(text.split()))) for place, text in texts)


# numbers of links have names in messages only
_IN_COMMENTS = {name: pattern for name, pattern in NOT_SAID.items() if name != "a link without its name"} | {
    "Raises, for Raise": r"\bRaises\b",
    "by ear": r"\b(what it (says|holds|does)|as they are to be|stands? (for|on|in) it|is (gone|there) by (now|then))\b",
}


@table("tic", _IN_COMMENTS)
def test_comments_and_docstrings_use_standard_terms(tic: str) -> None:
    assert [(place, text[:120]) for place, text in _comments() if re.search(_IN_COMMENTS[tic], text)] == []


# of states that are called otherwise now, also in code blocks
GONE = re.compile(
    r"--wait[ =](effect|proof)|VerifyReport|firstBroken|\bin-effect\b|nothing to \W?proven|^effect: ", re.M
)


def test_no_state_has_its_old_name() -> None:
    files = [*(ROOT / "src" / "podid").rglob("*.py"), *(ROOT / "src" / "podid").rglob("*.md")]
    files += [*(ROOT / "docs").rglob("*.md"), ROOT / "README.md", ROOT / "pyproject.toml", ROOT / "mkdocs.yml"]
    found = [(path.name, match[0]) for path in files for match in GONE.finditer(path.read_text(encoding="utf-8"))]
    assert found == []
    assert GONE.search("podid associate a/b --wait effect")
    assert not GONE.search("--wait ready takes effect")


def test_unused_terms_would_be_noticed() -> None:
    said = (
        *("the role could not be had", "seen 1 times of 5", "all 1 running pods", "1 of 2 pod(s) carry it"),
        *("create role-attachment r/p", "the addon is installed", "broken at link 4", "broken at link {item.number}"),
        *("the role was not looked at", "the trust policy admits shop/orders", "the role goes on to role b"),
        *("user u may not iam:GetRole", "-n and -A exclude each other", "the command that mends it", "it needs a yes"),
        *("without the right to list pods", "IAM knows no such role", "whoever has it", "it takes them away"),
        *("what runs is left alone", "the way into the cluster", "the cluster at hand", "it takes {permission}"),
    )
    for text in said:
        assert any(re.search(pattern, text) for pattern in NOT_SAID.values()), text
    for text in ("link 4 SDK", "link {link_words(number)}", "aws eks update-addon", "the add-on addon/x"):
        assert not any(re.search(pattern, text) for pattern in NOT_SAID.values()), text
