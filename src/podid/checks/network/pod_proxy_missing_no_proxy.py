from podid.checks.base import Check, Missing, Severity, Snapshot, Verdicts, rule, short_list
from podid.domain.network import NO_PROXY, NOT_SEEN, covers, no_proxy
from podid.domain.workloads import served
from podid.facts.credentials import Brought, brought
from podid.facts.egress import agent_address

# requests to the agent use plain http
PROXIES = ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")


@rule(needs=("associations", "pods"), wants=("cluster", "config_map_keys"))
def pod_proxy_missing_no_proxy(check: Check, snapshot: Snapshot) -> Verdicts:
    address = agent_address(snapshot)
    for case, (_, _, pods) in check.of_workloads(snapshot):
        # the pods of a rollout may differ
        judged = [(c.name, brought(snapshot.config_map_keys, pod, c)) for pod in pods for c in served(pod)]
        through = [(name, env) for name, env in judged if env.named(*PROXIES) and not _spared(env, address)]
        # NO_PROXY is, or may be, in a Secret or a ConfigMap that was not read
        hidden = [
            name
            for name, env in through
            if NOT_SEEN in no_proxy(env.values) or (env.unseen and not env.named(*NO_PROXY))
        ]
        if not through:
            yield case.ok("its environment sets no proxy for requests to the agent")
            continue
        if hidden:
            reason = (
                f"container {short_list(dict.fromkeys(hidden))} uses a proxy, and its NO_PROXY may come from a "
                "source that podid does not read"
            )
            yield case.unknown(Missing(reason), severity=Severity.WARN)
            continue
        widely = all(covers(no_proxy(env.values), address) for _, env in through)
        names = short_list(dict.fromkeys(name for name, _ in through))
        why = f"its NO_PROXY includes {address} only in a range" if widely else f"its NO_PROXY lacks {address}"
        yield case.fail(
            f"container {names} uses a proxy and {why}: some SDKs send the requests to the agent through the proxy",
            *dict.fromkeys(f"container {name}: {', '.join(env.named(*PROXIES))}" for name, env in through),
            severity=Severity.INFO if widely else Severity.WARN,
        )


def _spared(env: Brought, address: str) -> bool:
    return any(part.strip("[]") == address or part == "*" for part in no_proxy(env.values))
