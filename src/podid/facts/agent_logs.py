"""Parses lines of the agent's log, and matches them to failure modes.

The agent logs a plain line and then logrus JSON: https://github.com/aws/eks-pod-identity-agent (cmd/, internal/).
With an invalid flag, it logs a plain `Error: …` and exits.
The texts are from public issues. They are matched as fragments, because their wording differs between versions.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

BAD = ("error", "fatal", "panic", "warning", "warn")


@dataclass(frozen=True, slots=True)
class LogRule:
    """`id` is the failure mode of a line that contains, in lower case, one fragment of every group. `noise` marks lines
    that look like a failure and are not."""

    id: str
    fragments: tuple[tuple[str, ...], ...]
    noise: bool = False


_NONE_LEFT = ("non recoverable error",)
_EXPIRED = "the token included in the request is expired"
# the first rule that matches is used
RULES: tuple[LogRule, ...] = (
    LogRule(
        "agent-ipv6-bind", (("fd00:ec2::23",), ("cannot assign requested address", "address family not supported"))
    ),
    LogRule("agent-probe-port-conflict", (("expected 404, got",),)),
    LogRule("agent-port80-conflict", ((":80:",), ("address already in use",))),
    # the ports of probes and of metrics can be configured
    LogRule("agent-probe-port-conflict", (("address already in use",),)),
    LogRule("stale-link-or-route", (("please remove route and try again", "unable to create interface"),)),
    LogRule("agent-expired-token-noise", (_NONE_LEFT, ("expiredtokenexception",)), noise=True),
    LogRule("agent-expired-token-noise", (("expiredtokenexception",), (_EXPIRED,)), noise=True),
    LogRule("scp-denies-eks-auth", (("service control policy", "resource control policy"),)),
    LogRule(
        "permissions-boundary-denies", (("no permissions boundary allows", "explicit deny in a permissions boundary"),)
    ),
    LogRule("eks-auth-unreachable", (("vpc endpoint policy",), ("eks-auth:",))),
    LogRule("node-role-missing-eks-auth", (("not authorized to perform: eks-auth:assumeroleforpodidentity",),)),
    LogRule("self-managed-cluster-name-wrong", (("no cluster found for name",),)),
    LogRule("trust-missing-tag-session", (("does not have permissions to assume the associated role",),)),
    LogRule("association-missing", (("resourcenotfoundexception",),)),
    # the client read the token file only once: the kubelet replaces the token long before it expires
    LogRule("sdk-too-old", (("failed basic claim validations: token is expired",),)),
    LogRule("node-clock-skew", (("failed basic claim validations", "signature expired", "signature not yet current"),)),
    LogRule("bearer-token-prefix", (("illegal base64 data at input byte 6",),)),
    LogRule("sdk-too-old", (("service account token cannot be empty",),)),
    LogRule("custom-credential-chain", (("service account token cannot be parsed",),)),
    LogRule("service-mesh-intercepts", (("called agent through invalid address",),)),
    LogRule("eks-auth-throttled", (("throttlingexception", "rate limited", "too many requests", "rate exceeded"),)),
    LogRule("eks-auth-throttled", (("failed to complete active request",),)),
    LogRule("agent-imds-unavailable", (("no ec2 imds role found", "failed to refresh cached credentials"),)),
    # AWS rejects the node's own credentials, as after its role was deleted
    LogRule("agent-imds-unavailable", (("unrecognizedclientexception", "invalidsignatureexception"),)),
    LogRule("hybrid-daemonset-missing", (("/eks-hybrid/.aws",), ("no such file", "failed to"))),
    LogRule("agent-imds-unavailable", (("shared credentials",), ("no such file", "failed to"))),
    LogRule("agent-proxy-misconfig", (("proxyconnect", "proxy authentication required"),)),
    LogRule("eks-auth-unreachable", (("lookup eks-auth",), ("no such host", "i/o timeout", "server misbehaving"))),
    LogRule(
        "eks-auth-unreachable", (("eks-auth", "eks auth"), ("i/o timeout", "connection refused", "no route to host"))
    ),
    LogRule("node-clock-skew", (("certificate has expired or is not yet valid",),)),
    LogRule("agent-proxy-misconfig", (("certificate signed by unknown authority",),)),
    LogRule("agent-timeout-context-canceled", (("context canceled", "context deadline exceeded"),)),
)


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line. `level` is empty for plain text; `fields` are the members other than level, message and time."""

    text: str
    level: str = ""
    message: str = ""
    time: datetime | None = None
    fields: Mapping[str, str] = field(default_factory=dict)

    @property
    def bad(self) -> bool:
        return self.level in BAD


def parse(line: str) -> LogLine:
    """Return the parsed line. A line that is not a JSON object is a plain line."""
    if line.startswith("{"):
        try:
            data = json.loads(line)
        except (ValueError, RecursionError):
            data = None
        if isinstance(data, dict):
            fields = {str(key): value if isinstance(value, str) else json.dumps(value) for key, value in data.items()}
            known = {key: fields.pop(key, "") for key in ("level", "msg", "time")}
            return LogLine(line, known["level"].lower(), known["msg"], _time(known["time"]), fields)
    level = "fatal" if line.startswith(("panic:", "fatal error:", "Error: ")) else ""
    return LogLine(line, level, line, None, {})


def _time(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def rule_of(text: str) -> LogRule | None:
    """Return the rule that matches a text of the agent; None if none does."""
    lowered = text.lower()
    for rule in RULES:
        if all(any(fragment in lowered for fragment in group) for group in rule.fragments):
            return rule
    return None


def mode_of(lines: Iterable[str]) -> tuple[str, str]:
    """Return (id, line) of the last line that shows why an agent exited; empty strings if none does."""
    for line in reversed(list(lines)):
        rule = rule_of(line)
        if rule is not None and not rule.noise:
            return rule.id, parse(line).message or line
    return "", ""
