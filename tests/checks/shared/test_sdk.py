"""Containers that the checks of link 4 judge."""

import shlex
from collections.abc import Mapping
from dataclasses import replace

import pytest

from checks.builder import INJECTED, healthy, pod, workload
from checks.containers import KEYS, URI, container, token
from checks.grid import WORKLOAD, answers, only
from harness import table
from podid.domain.cluster import Workload
from podid.domain.workloads import IRSA_ENV as IRSA

ID = "static-aws-keys-shadow"
WEBHOOKS = "kubectl get mutatingwebhookconfigurations"
REMOVED = "set env deployment/orders " + " ".join(f"{name}-" for name in KEYS)


def test_init_containers_are_judged_too() -> None:
    init = replace(token("sts.amazonaws.com"), name="migrate", init=True)
    snapshot = healthy(pods=(pod(containers=(init, *pod().containers)),))
    assert answers("token-audience", snapshot) == [("fail", "warn", WORKLOAD)]
    assert only("token-audience", snapshot).evidence[0].startswith("container migrate sets")
    keys = replace(container("migrate", **KEYS), init=True)
    snapshot = healthy(pods=(pod(containers=(keys, *pod().containers)),))
    assert answers(ID, snapshot) == [("fail", "warn", WORKLOAD)]


def test_pods_that_opt_out_are_not_judged() -> None:
    alone = pod(containers=(container(**KEYS),), labels={"eks.amazonaws.com/skip-pod-identity-webhook": "true"})
    assert answers(ID, healthy(pods=(alone,)))[0][0] == "not-applicable"


Env = Mapping[str, str]


@pytest.mark.parametrize(
    ("check", "env", "image"),
    [
        (ID, KEYS, "app:1"),
        ("irsa-env-hardcoded", {IRSA: "/token"}, "app:1"),
        ("injected-fields-hardcoded", {URI: "http://localhost/"}, "app:1"),
        ("pod-proxy-missing-no-proxy", {"HTTP_PROXY": ""}, "app:1"),
        ("sdk-too-old", {}, "r.example/aws-cli:2.1.0"),
    ],
)
def test_containers_without_injection_are_not_judged(check: str, env: Env, image: str) -> None:
    odd = replace(container("odd"), env={**INJECTED, **env}, image=image)
    for skipped, outcome in (("", "fail"), ("odd", "pass")):
        annotations = {"eks.amazonaws.com/skip-containers": skipped}
        snapshot = healthy(pods=(pod(containers=(container(), odd), annotations=annotations),))
        assert answers(check, snapshot)[0][0] == outcome, skipped


@table(
    ("check", "env", "template", "evidence", "command"),
    [
        ("irsa-env-hardcoded", {IRSA: "/token"}, workload(variables=(IRSA,)), "", f"set env deployment/orders {IRSA}-"),
        ("irsa-env-hardcoded", {IRSA: "/token"}, workload(variables=()), IRSA, WEBHOOKS),
        (ID, KEYS, workload(variables=(*KEYS, URI)), "", REMOVED),
        (ID, KEYS, workload(variables=()), ", ".join(KEYS), WEBHOOKS),
        # the pods may be of an earlier template
        (ID, KEYS, workload(variables=(), replicas=2), "", REMOVED),
    ],
)
def test_variables_that_the_template_does_not_set_are_those_of_a_webhook(
    check: str, env: Env, template: Workload, evidence: str, command: str
) -> None:
    verdict = only(check, healthy(pods=(pod(containers=(container(**env),)),), workloads=(template,)))
    assert verdict.fix is not None
    assert shlex.join(verdict.fix.commands[0]).endswith(command)
    added = f"Deployment shop/orders does not set {evidence}: a webhook or a policy changes its pods"
    assert verdict.evidence[1:] == ((added,) if evidence else ())
