"""The error texts in texts.txt and the hints in hints.txt, whose first lines describe their form, and words that decide
between Pod Identity and other software."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

GENERIC = 3
# stands for the injected variables with their correct values: they are not an error, but show that the pod has them
INJECTED = "aws_uri_and_token"
_IS = r"['\"]?(?:\s*[=:]|,?\s*['\"]?value['\"]?:)\s*['\"]?"
_END = r"(?![:)\w/])['\"]?"
# correct settings, in the forms of shells, kubectl, YAML and JSON, with their replacements
SETTINGS = (
    (
        re.compile(
            rf"(?i)AWS_CONTAINER_(?:CREDENTIALS_FULL_URI{_IS}http://(?:169\.254\.170\.23|\[fd00:ec2::23\])/v1/credentials"
            rf"|AUTHORIZATION_TOKEN_FILE{_IS}/var/run/secrets/pods\.eks\.amazonaws\.com/serviceaccount/eks-pod-identity-token)"
            rf"{_END}"
        ),
        f" {INJECTED} ",
    ),
    (
        re.compile(
            rf"(?i)(AWS_WEB_IDENTITY_TOKEN_FILE){_IS}/var/run/secrets/eks\.amazonaws\.com/serviceaccount/token{_END}"
        ),
        r"\1",
    ),
    (re.compile(r"(?m)^.*\beks-pod-identity-agent-\w{5}[ \t]+(\d+)/\1[ \t]+Running\b.*$"), ""),
    (re.compile(r"(?m)^.* from eks-pod-identity-token \(r[ow]\)"), ""),
)
# failure modes of pods without these variables
NOT_INJECTED = frozenset({"pod-predates-association", "sa-mismatch", "association-missing"})
# words that connect an error text with Pod Identity
COMPANIONS = (
    INJECTED,
    "pod-identity",
    "podidentity",
    "169.254.170.23",
    "fd00:ec2::23",
    "eks-auth",
    "eksauth",
    "pods.eks.amazonaws.com",
    "aws_container_credentials_full_uri",
    "aws_container_authorization_token",
    "container-role",
)
UNMISTAKABLE = (
    INJECTED,
    "eks-pod-identity",
    "169.254.170.23",
    "fd00:ec2::23",
    "eks-auth",
    "eksauth",
    "pods.eks.amazonaws.com",
)
# other clouds use the same names, and other clients than pods assume roles with a token
STRANGERS = (
    "aadpodid",
    "aad-pod-identity",
    "azure",
    "managedidentitycredential",
    "metadata.google.internal",
    "workloadidentityfederation",
    "assumerolewithoidc",
    "token.actions.githubusercontent.com",
    # SDKs use the same texts for the agents of ECS and Greengrass
    "fromecsmetadata",
    "retrieveecsmetadata",
    "/v2/credentials",
    "//169.254.170.2/",
    "2016-11-01/credentialprovider",
    # the webhook of IRSA, on clusters outside of EKS
    "pod-identity-webhook.amazonaws.com",
    "pod-identity-webhook.kube-system.svc",
)
# errors of EKS about associations and add-ons; from another service, the same texts have another meaning
OF_EKS = frozenset(
    {
        "addon-config-conflict",
        "addon-config-schema-invalid",
        "addon-degraded-or-failed",
        "addon-pod-identity-unsupported",
        "association-quota",
        "cross-account-role-arn",
        "duplicate-association",
        "eks-auth-throttled",
        "passrole-denied",
        "role-eventual-consistency",
    }
)


class SharedText(NamedTuple):
    """A text with its failure modes. The text must contain all `fragments` in any order, or match the `pattern`."""

    weight: int
    ids: tuple[str, ...]
    fragments: tuple[str, ...] = ()
    pattern: str = ""


class Hint(NamedTuple):
    id: str
    patterns: tuple[str, ...]


_NAME = re.compile(r"[A-Z_]{3,}")


def _rows(file: str) -> Iterator[tuple[str, str]]:
    """Yield head and body of each row, with the definitions in the places of their names."""
    names: dict[str, str] = {}

    def resolved(text: str) -> str:
        return _NAME.sub(lambda match: names[match[0]], text)

    text = (Path(__file__).parent / file).read_text(encoding="utf-8")
    for line in text.replace("\n  |", "|").replace("\n  ", " ").splitlines():
        name, is_definition, value = line.partition(" = ")
        if is_definition:
            names[name] = resolved(value)
        elif line and not line.startswith("#"):
            head, _, body = resolved(line).partition(": ")
            yield head, body


def _shared() -> Iterator[SharedText]:
    for head, body in _rows("texts.txt"):
        weight, *ids = head.split()
        _, is_pattern, pattern = body.partition("~ ")
        fragments = () if is_pattern else tuple(body.split(" + "))
        yield SharedText(int(weight), tuple(ids), fragments, "".join(pattern.split()))


def _hints(*, wide: bool) -> Iterator[Hint]:
    for head, body in _rows("hints.txt"):
        page_id = head.removeprefix("wide ")
        if wide is (page_id != head):
            yield Hint(page_id, tuple(map(str.strip, body.split("&&"))))


SHARED = tuple(_shared())
NARROW, WIDE = tuple(_hints(wide=False)), tuple(_hints(wide=True))
