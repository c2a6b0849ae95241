"""The search for the page of an id or a text."""

import subprocess
import sys

import pytest

from harness import table
from podid.domain.errors import NotFound
from podid.ops.explain import explain


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
    explanation = explain(query)
    assert (explanation.how, explanation.matches[0].id) == (how, first)


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
    explanation = explain(text)
    assert explanation.how == "text"
    assert [match.id for match in explanation.matches][: len(ids)] == ids


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
