"""Pages, and the ways that lead to them."""

import subprocess
import sys
from pathlib import Path

import pytest

from harness import table
from podid.checks.all import ALL, AUDIT
from podid.domain.errors import NotFound
from podid.ops.errortext import BY_ID
from podid.ops.explain import explain
from podid.pages import index
from podid.pages.index import ENTRIES
from podid.pages.texts import NARROW, SHARED, WIDE

PAGES = Path(index.__file__).parent
SECTIONS = ("## What you see", "## Why", "## How to fix it", "## Sources")
IDS = [entry.id for entry in ENTRIES]


def test_pages_and_index_name_the_same_failure_modes() -> None:
    assert sorted(IDS) == sorted(path.stem for path in PAGES.glob("*.md"))
    assert len(set(IDS)) == len(IDS)


CHECKED = (*ALL, *AUDIT)


def test_every_check_has_a_page_that_agrees_with_it() -> None:
    checked = {c.id: c for c in CHECKED}
    assert {entry.id: entry.healthy for entry in ENTRIES if entry.healthy} == {c.id: c.title for c in CHECKED}
    assert {c.id: (c.severity, c.link, c.fix) for c in CHECKED} == {
        e.id: (e.severity, e.link, e.fix) for e in ENTRIES if e.id in checked
    }
    for check_id in checked:
        assert "## How podid checks" in BY_ID[check_id].body, check_id


@table("page_id", IDS)
def test_a_page_is_whole(page_id: str) -> None:
    entry, raw = BY_ID[page_id], (PAGES / f"{page_id}.md").read_text(encoding="utf-8")
    assert entry.body.startswith(f"# {entry.title} (`{page_id}`)\n")
    assert [heading for heading in SECTIONS if heading not in entry.body] == []
    assert "https://" in entry.body.split("## Sources")[1]
    assert raw.count("```") % 2 == 0


@table("page_id", IDS)
def test_a_page_opens_with_one_sentence(page_id: str) -> None:
    opening = BY_ID[page_id].body.split("\n", 1)[1].split("## ")[0].strip()
    assert opening.endswith(".")
    assert ". " not in opening
    assert len(opening.split()) <= 27


@table("page_id", IDS)
def test_every_text_of_a_page_leads_back_to_it(page_id: str) -> None:
    for text, _ in BY_ID[page_id].texts:
        assert page_id in [match.id for match in explain(text.replace("…", "ab12 cd")).matches], text


def test_every_hint_names_a_page() -> None:
    assert {hint.id for hint in (*NARROW, *WIDE)} <= set(IDS)
    assert all(pattern for hint in (*NARROW, *WIDE) for pattern in hint.patterns)


def test_every_rule_names_pages_and_finds_them() -> None:
    for rule in SHARED:
        assert set(rule.ids) <= set(IDS), rule
        assert 1 <= rule.weight <= 9
        assert bool(rule.fragments) is not bool(rule.pattern), rule
        assert all(fragment == fragment.lower() for fragment in rule.fragments), rule
        if rule.fragments:
            assert rule.ids[0] in [match.id for match in explain(" and ".join(rule.fragments)).matches], rule


@table(
    ("query", "how", "first"),
    [
        ("sdk-too-old", "id", "sdk-too-old"),
        ("  Agent-Not-Installed ", "id", "agent-not-installed"),
        ("sdk", "prefix", "sdk-too-old"),
        ("agent-not-instaled", "nearest", "agent-not-installed"),
        ("trust-mising-tag-session", "nearest", "trust-missing-tag-session"),
        ("PackedPolicyTooLarge", "text", "packed-policy-too-large"),
        ("irsa annotation leftover", "words", "irsa-annotation-leftover"),
        ("loopback hosts", "text", "sdk-too-old"),
    ],
)
def test_ways_to_a_page(query: str, how: str, first: str) -> None:
    found = explain(query)
    assert (found.how, found.matches[0].id) == (how, first)


TRACE = """Traceback (most recent call last):
  File "/app/main.py", line 12, in <module>
    boto3.client("s3").list_buckets()
botocore.exceptions.CredentialRetrievalError: Error when retrieving credentials from container-role:
Error retrieving metadata: Received non 200 response 400 from container metadata:
[1f2e]: (AccessDeniedException): Unauthorized Exception! EKS does not have
permissions to assume the associated role., fault: client
"""
AGENT_LOG = (
    '{"level":"error","msg":"Error fetching credentials: error getting credentials to cache: unable to fetch '
    "credentials from EKS Auth: operation error EKS Auth: AssumeRoleForPodIdentity, https response error "
    'StatusCode: 0, RequestID: , request send failed, dial tcp: lookup eks-auth.eu-west-1.api.aws: no such host"}'
)


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        (TRACE, ["trust-missing-tag-session", "trust-wrong-principal", "role-not-found"]),
        (AGENT_LOG, ["eks-auth-unreachable"]),
        (
            "User: arn:aws:sts::111122223333:assumed-role/nodes/i-0a1b is not authorized to perform: s3:ListBucket",
            ["imds-fallback-node-role"],
        ),
        (
            "panic: dial tcp 169.254.170.23:80: connect: connection refused",
            ["agent-not-installed", "agent-not-on-node", "agent-pod-unhealthy"],
        ),
        (
            "AccessDenied: not authorized to perform sts:TagSession",  # from memory, without the colon
            ["chained-assume-missing-tag-session", "base-role-cannot-assume-target"],
        ),
        ('\\"msg\\":\\"Service account token cannot be empty\\"', ["sdk-too-old", "injected-fields-hardcoded"]),
    ],
)
def test_pasted_logs(text: str, ids: list[str]) -> None:
    found = explain(text)
    assert found.how == "text"
    assert [match.id for match in found.matches][: len(ids)] == ids


def test_unknown_texts_name_the_nearest_ids() -> None:
    with pytest.raises(NotFound, match="no page explains 'trust-tag-sesion'") as caught:
        explain("trust-tag-sesion")
    assert "trust-missing-tag-session" in caught.value.advice
    with pytest.raises(NotFound, match="no page explains 'zzzz qqqq'"):
        explain("zzzz qqqq")
    with pytest.raises(NotFound):
        explain("   ")


def test_explain_imports_nothing_heavy() -> None:
    heavy = "('boto3', 'botocore', 'kubernetes', 'rich', 'typer', 'yaml', 'podid.checks')"
    program = (
        "import sys, podid.ops.explain as e; e.explain('no valid providers in chain'); "
        f"print([m for m in {heavy} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
