"""The agent is a Go program: https://pkg.go.dev/net/http#ProxyFromEnvironment; the agent supports proxies since
v0.1.36.
"""

from podid.checks.base import Check, Severity, Snapshot, Verdicts, rule
from podid.domain.cluster import DaemonSet
from podid.domain.network import NO_PROXY, NOT_SEEN, covers, no_proxy
from podid.domain.versions import older
from podid.facts.agent import agent_versions, agents, served_by

METADATA = "169.254.169.254"
TAKES_PROXIES = "v0.1.36"
# the metadata service uses http, EKS Auth uses https
PLAIN, ANY = ("HTTP_PROXY", "http_proxy"), ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy")


@rule(needs=("daemon_sets",), wants=("agent_pods", "associations", "pods"))
def agent_proxy_misconfig(check: Check, snapshot: Snapshot) -> Verdicts:
    """Report warnings only: podid cannot know whether the network requires the proxy."""
    for ds in agents(snapshot):
        case = check.case(ds.subject, served_by(snapshot, ds))
        if not any(name in ds.env for name in ANY):
            # a missing proxy does not show whether the agent can reach EKS Auth
            yield case.skip("it is configured without a proxy")
        elif wrong := _wrong(ds):
            yield case.fail(
                f"the agent of DaemonSet {ds.namespace}/{ds.name} is configured with a proxy, {wrong}",
                f"environment variables: {', '.join(name for name in (*ANY, *NO_PROXY) if name in ds.env)}",
                severity=Severity.WARN,
                commands=(("kubectl", "-n", ds.namespace, "edit", "daemonset", ds.name),),
            )
        elif NOT_SEEN in no_proxy(ds.env):
            yield case.skip("its NO_PROXY comes from a source that podid does not read")
        else:
            yield case.ok("its NO_PROXY includes the metadata service")


def _wrong(ds: DaemonSet) -> str:
    if any(older(f"v{version}", TAKES_PROXIES) for version in agent_versions([ds])):
        return f"but agents before {TAKES_PROXIES} ignore proxies"
    entries = no_proxy(ds.env)
    if any(name in ds.env for name in PLAIN) and not covers(entries, METADATA) and NOT_SEEN not in entries:
        return f"but its NO_PROXY lacks {METADATA}: it requests its node's credentials through the proxy"
    return ""
