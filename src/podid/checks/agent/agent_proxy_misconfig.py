"""The agent is a Go program: https://pkg.go.dev/net/http#ProxyFromEnvironment; proxies work since agent v0.1.36."""

from podid.checks.base import Check, Severity, Snapshot, Verdicts, rule
from podid.domain.cluster import DaemonSet
from podid.domain.network import NO_PROXY, NOT_SEEN, covers, no_proxy
from podid.domain.versions import older
from podid.facts.agent import agent_versions, agents, served_by

METADATA = "169.254.169.254"
TAKES_PROXIES = "v0.1.36"
# the metadata service is asked over plain http, EKS Auth over https
PLAIN, ANY = ("HTTP_PROXY", "http_proxy"), ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy")


@rule(needs=("daemon_sets",), wants=("agent_pods", "associations", "pods"))
def agent_proxy_misconfig(check: Check, snapshot: Snapshot) -> Verdicts:
    """Warnings: whether the network is one that needs the proxy is not seen from here."""
    for ds in agents(snapshot):
        case = check.case(ds.subject, served_by(snapshot, ds))
        if not any(name in ds.env for name in ANY):
            # says nothing of the way to EKS Auth
            yield case.skip("it is set up without a proxy")
            continue
        wrong = _wrong(ds)
        if not wrong and NOT_SEEN in no_proxy(ds.env):
            yield case.skip("its NO_PROXY comes from where podid does not look")
            continue
        if not wrong:
            yield case.ok("its proxies leave the metadata service alone")
            continue
        yield case.fail(
            f"the agent of DaemonSet {ds.namespace}/{ds.name} is set up with a proxy, and {wrong}",
            severity=Severity.WARN,
            evidence=(f"it sets {', '.join(name for name in (*ANY, *NO_PROXY) if name in ds.env)}",),
            commands=(("kubectl", "-n", ds.namespace, "get", "daemonset", ds.name, "-o", "yaml"),),
        )


def _wrong(ds: DaemonSet) -> str:
    if any(older(f"v{version}", TAKES_PROXIES) for version in agent_versions([ds])):
        return f"ignores it: that came with agent {TAKES_PROXIES}"
    entries = no_proxy(ds.env)
    if any(name in ds.env for name in PLAIN) and not covers(entries, METADATA) and NOT_SEEN not in entries:
        return f"its NO_PROXY lacks {METADATA}: it asks for its node's credentials through the proxy"
    return ""
