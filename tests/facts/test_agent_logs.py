"""Lines of the agent's log, and the failure modes that they show."""

from datetime import UTC, datetime

from harness import table
from podid.facts.agent_logs import LogLine, mode_of, parse, rule_of

POST = 'request send failed, Post "https://eks-auth.us-west-2.api.aws/clusters/demo/assume-role-for-pod-identity"'
CALL = "operation error EKS Auth: AssumeRoleForPodIdentity, https response error StatusCode:"
EXPIRED = "Removing credentials from cache, got non recoverable error: ExpiredTokenException: The token has expired"


@table(
    ("text", "mode"),
    [
        ("listen tcp [fd00:ec2::23]:80: bind: cannot assign requested address", "agent-ipv6-bind"),
        ("listen tcp :2703: bind: address already in use", "agent-probe-port-conflict"),
        ("listen tcp 169.254.170.23:80: bind: address already in use", "agent-port80-conflict"),
        # the organization's Deny counts before the missing permission of the role
        (
            "not authorized to perform: eks-auth:AssumeRoleForPodIdentity with an explicit deny in a "
            "service control policy",
            "scp-denies-eks-auth",
        ),
        (
            "not authorized to perform: eks-auth:AssumeRoleForPodIdentity because no service control policy allows the "
            "eks-auth:AssumeRoleForPodIdentity action",
            "scp-denies-eks-auth",
        ),
        (
            "not authorized to perform: eks-auth:AssumeRoleForPodIdentity with an explicit deny in a permissions "
            "boundary",
            "permissions-boundary-denies",
        ),
        (
            "is not authorized to perform: eks-auth:AssumeRoleForPodIdentity on resource: x because no VPC endpoint "
            "policy allows the eks-auth:AssumeRoleForPodIdentity action",
            "eks-auth-unreachable",
        ),
        ("not authorized to perform: eks-auth:AssumeRoleForPodIdentity", "node-role-missing-eks-auth"),
        ("lookup eks-auth.us-west-2.api.aws: no such host", "eks-auth-unreachable"),
        ("failed to load credentials: no such file or directory: /eks-hybrid/.aws", "hybrid-daemonset-missing"),
        ("failed to load shared credentials file", "agent-imds-unavailable"),
        ("ThrottlingException: Rate exceeded", "eks-auth-throttled"),
        # AWS's agent v0.1.37 wrote these
        (f"{POST}: proxyconnect tcp: dial tcp 10.0.0.9:3128: connect: connection refused", "agent-proxy-misconfig"),
        (f"{POST}: Proxy Authentication Required", "agent-proxy-misconfig"),
        (f"{POST}: dial tcp 10.0.0.9:443: i/o timeout", "eks-auth-unreachable"),
        (
            f"{POST}: context deadline exceeded (Client.Timeout exceeded while awaiting headers)",
            "agent-timeout-context-canceled",
        ),
        ("Service account token failed basic claim validations: token is expired", "sdk-too-old"),
        (f"{POST}: tls: x509: certificate signed by unknown authority", "agent-proxy-misconfig"),
        ("Service account token failed basic claim validations: token is not valid yet", "node-clock-skew"),
        (EXPIRED, "agent-expired-token-noise"),
        ("listen tcp :8080: bind: address already in use", "agent-probe-port-conflict"),
        ("listen tcp :27030: bind: address already in use", "agent-probe-port-conflict"),
        ("listen tcp :8080: bind: permission denied", ""),
        # as `podid explain` reads them
        (f"{CALL} 400, UnrecognizedClientException: The security token included is invalid", "agent-imds-unavailable"),
        (f"{CALL} 403, InvalidSignatureException: Signature expired: 20261124T1200Z", "node-clock-skew"),
        (f"{CALL} 403, InvalidSignatureException: The request signature does not match", "agent-imds-unavailable"),
        # a failure of AWS is not one of the network
        (f"{CALL} 500, InternalServerException: unavailable", ""),
    ],
)
def test_failure_modes_of_texts(text: str, mode: str) -> None:
    rule = rule_of(text)
    assert (rule.id if rule is not None else "") == mode


@table(
    ("line", "level", "message"),
    [
        ('{"level":"ERROR","msg":"odd","time":"2026-11-24T12:00:00Z"}', "error", "odd"),
        ("panic: runtime error", "fatal", "panic: runtime error"),
        ("Error: unknown flag: --nope", "fatal", "Error: unknown flag: --nope"),
        ("plain words", "", "plain words"),
        ("{no JSON", "", "{no JSON"),
        ("[" * 100_000, "", "[" * 100_000),
        ("{" + '"a":{' * 100_000, "", "{" + '"a":{' * 100_000),
    ],
)
def test_lines_of_every_form(line: str, level: str, message: str) -> None:
    parsed = parse(line)
    assert (parsed.level, parsed.message, parsed.bad) == (level, message, bool(level))


def test_further_members_and_times_of_a_line() -> None:
    line = '{"level":"info","msg":"m","time":"2026-11-24T14:00:00+02:00","client-addr":"10.0.0.1:4","count":3}'
    moment = datetime(2026, 11, 24, 12, tzinfo=UTC)
    assert parse(line) == LogLine(line, "info", "m", moment, {"client-addr": "10.0.0.1:4", "count": "3"})
    assert parse('{"msg":"m","time":"yesterday"}').time is None
    assert parse('{"msg":"m","time":"2026-11-24T12:00:00"}').time == moment


def test_the_last_failure_of_a_log_is_why_the_agent_exited() -> None:
    lines = [
        "lookup eks-auth.x.api.aws: no such host",
        '{"msg":"listen :2703: address already in use"}',
        EXPIRED,
        "end",
    ]
    assert mode_of(lines) == ("agent-probe-port-conflict", "listen :2703: address already in use")
    assert mode_of([EXPIRED]) == ("", "")
