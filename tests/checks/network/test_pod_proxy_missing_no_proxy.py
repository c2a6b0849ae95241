from dataclasses import replace

from checks.builder import NO_PODS, healthy, pod, with_env
from checks.containers import container, running
from checks.grid import WORKLOAD, answers
from harness import table
from podid.domain.cluster import EnvSource
from podid.domain.network import NOT_SEEN
from podid.domain.snapshot import Known

ID = "pod-proxy-missing-no-proxy"
FAILS = with_env(HTTP_PROXY="", NO_PROXY="10.0.0.0/8")
UNKNOWN = NO_PODS
FINDINGS = [("fail", "warn", "Deployment shop/orders")]
UNKNOWNS = [("unknown", "error", "Cluster prod")]


@table(
    ("env", "expected"),
    [
        ({"HTTPS_PROXY": ""}, ("pass", "error")),
        ({"HTTP_PROXY": ""}, ("fail", "warn")),
        ({"all_proxy": "", "no_proxy": "169.254.169.254"}, ("fail", "warn")),
        ({"http_proxy": "", "NO_PROXY": "169.254.169.254,169.254.170.23"}, ("pass", "error")),
        ({"HTTP_PROXY": "", "NO_PROXY": "*"}, ("pass", "error")),
        ({"HTTP_PROXY": "", "NO_PROXY": "169.254.0.0/16"}, ("fail", "info")),
        ({"HTTP_PROXY": "", "NO_PROXY": NOT_SEEN}, ("unknown", "warn")),
        ({"HTTP_PROXY": "", "NO_PROXY": NOT_SEEN, "no_proxy": "169.254.170.23"}, ("pass", "error")),
    ],
)
def test_proxies_and_their_exceptions(env: dict[str, str], expected: tuple[str, str]) -> None:
    assert answers(ID, running(container(**env))) == [(*expected, WORKLOAD)]
    # the same in a ConfigMap, which the own variables of the container override
    mapped = replace(container(), env_from=(EnvSource("ConfigMap", "proxies"),))
    snapshot = replace(running(mapped), config_map_keys=Known({("shop", "proxies"): Known(env)}))
    assert answers(ID, snapshot) == [(*expected, WORKLOAD)]
    own = replace(mapped, env={**mapped.env, "NO_PROXY": "169.254.170.23", "no_proxy": "169.254.170.23"})
    snapshot = replace(running(own), config_map_keys=Known({("shop", "proxies"): Known(env)}))
    assert [answer[0] for answer in answers(ID, snapshot)] == ["pass"]


def test_no_proxy_may_be_in_a_secret() -> None:
    hidden = replace(container(HTTP_PROXY=""), env_from=(EnvSource("Secret", "settings"),))
    assert answers(ID, running(hidden)) == [("unknown", "warn", WORKLOAD)]
    own = replace(hidden, env={**hidden.env, "NO_PROXY": "10.0.0.0/8"})
    assert answers(ID, running(own)) == [("fail", "warn", WORKLOAD)]


def test_the_pods_of_a_rollout_may_differ() -> None:
    old, new = (pod(name, containers=(item,)) for name, item in (("a", container(HTTP_PROXY="")), ("b", container())))
    for pods in ((old, new), (new, replace(old, name="c"))):
        assert answers(ID, healthy(pods=pods)) == [("fail", "warn", WORKLOAD)]
