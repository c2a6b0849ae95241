"""Every check in three cases: healthy, broken and unknown. What more there is to a check is in the file of its area."""

import json
import re
from dataclasses import replace
from datetime import timedelta
from typing import Any, NamedTuple

from harness import table
from parsing import parsed
from podid.checks.all import BY_ID
from podid.checks.runner import run_checks
from podid.domain.aws import AddonVersion, Instance
from podid.domain.cluster import TOKEN, Container, Mount, Placement, Pod, ServiceAccount
from podid.domain.evidence import LogSighting
from podid.domain.iam import AssumePermissions, PolicyNames
from podid.domain.names import PODS_PRINCIPAL, ServiceAccountRef
from podid.domain.network import Block, EgressRule, NetworkPolicy, Selector, VpcEndpoint
from podid.domain.products import CredentialWay, ProductSetting
from podid.domain.snapshot import Known, Missing, Snapshot
from podid.domain.workloads import WebhookRegistration, injected

from .audit_cases import AUDIT_CASES
from .builder import (
    INJECTED,
    NODE_ROLE_ARN,
    REFUSED,
    ROLE_ARN,
    TARGET_ARN,
    addon,
    agent_pod,
    ago,
    association,
    bare,
    chained,
    cluster,
    daemon_set,
    egress,
    healthy,
    node,
    permissions,
    pod,
    race,
    role,
    session,
    target_trust,
    trust,
    workload,
)
from .grid import DENIED, answers

REGISTRY = VpcEndpoint(endpoint_id="vpce-1", service="com.amazonaws.us-west-2.ecr.dkr", state="available")

NO_ANSWER = Missing("the API server does not answer", error_code="Unavailable")
MADE = association().created_at
assert MADE is not None
IRSA = {"AWS_WEB_IDENTITY_TOKEN_FILE": "/t", "AWS_ROLE_ARN": ROLE_ARN}


class Cases(NamedTuple):
    """`broken` is None for a check of podid's own access, which never says that a pod is broken. `fine` is a cluster in
    order that has what the check is about, where the plain healthy one has not."""

    broken: Snapshot | None
    unknown: Snapshot
    fine: Snapshot | None = None


def asked(snapshot: Snapshot) -> Snapshot:
    return replace(snapshot, targets=(ServiceAccountRef("shop", "orders"),))


def trusting(**changes: Any) -> Snapshot:
    return healthy(roles={ROLE_ARN: Known(role(document=trust(**changes)))})


def with_token(audience: str) -> Pod:
    """The healthy pod, whose manifest mounts a token for the agent itself."""
    (container,) = pod().containers
    env = {**container.env, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "/own/token"}
    return pod(containers=(replace(container, env=env, mounts=(Mount("/own", TOKEN, audience),)),))


def setting(ips: Any = (), **env: str) -> Snapshot:
    """The healthy pod with more variables in its container, and these addresses."""
    (container,) = pod().containers
    changed = pod(containers=(replace(container, env={**container.env, **env}),), ips=ips)
    return healthy(pods=(changed, agent_pod()))


def annotated() -> ServiceAccount:
    return ServiceAccount(
        namespace="shop", name="orders", annotations={"eks.amazonaws.com/role-arn": ROLE_ARN}, created_at=ago(days=9)
    )


def abandoned(**changes: Any) -> Snapshot:
    """An association that is as old as the hills, without pods or workloads; `changes` are its role's."""
    old = association(created_at=ago(days=200), modified_at=ago(days=200))
    known_role: Any = Known(replace(role(), **changes))
    return healthy(associations=(old,), pods=(), workloads=(), roles={ROLE_ARN: known_role})


def with_policy(policy: object) -> Snapshot:
    return healthy(associations=(association(policy=json.dumps(policy), disable_session_tags=True),))


def imaged(image: str) -> Snapshot:
    return healthy(pods=(pod(containers=(replace(pod().containers[0], image=image),)),))


DENY_ALL = NetworkPolicy(namespace="shop", name="deny-all", selector=Selector(), egress=True)
TO_AGENT = replace(DENY_ALL, name="to-agent", rules=(EgressRule(blocks=(Block("169.254.170.23/32"),)),))
CALICO, CILIUM, CNI = (
    daemon_set(name=name, images=(), args=(), labels={}) for name in ("calico-node", "cilium", "aws-node")
)

AUTO = cluster(auto_mode=True)
HYBRID = node(compute_type="hybrid", labels={"eks.amazonaws.com/compute-type": "hybrid"})
ELSEWHERE = Placement(selector={"eks.amazonaws.com/compute-type": "ec2"})
UNPULLED = agent_pod(
    ready=False, containers=(Container(name="eks-pod-identity-agent", image="r.example/a:1", waiting="ErrImagePull"),)
)
ENDS_AT_ONCE = agent_pod(
    ready=False,
    containers=(
        Container(name="a", image="r.example/a:1", waiting="CrashLoopBackOff", failed=(ago(minutes=1), ago(minutes=1))),
    ),
)
NO_ROLE = healthy(roles={ROLE_ARN: DENIED})
NO_PODS = healthy(pods=DENIED)

OLD_PODS = healthy(pods=(bare(pod(created_at=ago(days=3))), agent_pod()))
INSTANCE = Instance(id="i-node-1", profile_arn="arn:aws:iam::111122223333:instance-profile/nodes", hop_limit=2)
FOREIGN = "arn:aws:iam::444455556666:role/reader"
VIOLATES = 'Error creating: pods "a" is forbidden: violates PodSecurity "restricted:latest": host namespaces'
DRIVER = "secrets-store.csi.k8s.io"
STORE = ProductSetting(
    product="External Secrets", kind="SecretStore", namespace="shop", name="secrets", way=CredentialWay.OWN
)
CLASS = ProductSetting(
    product="Secrets Store CSI driver",
    kind="SecretProviderClass",
    namespace="shop",
    name="db",
    way=CredentialWay.IRSA,
)
BY_POD = replace(CLASS, way=CredentialWay.POD_IDENTITY)


def with_products(plural: str, setting: ProductSetting, *, operator: bool = False) -> Snapshot:
    """External Secrets runs, with an association of its own if `operator` says so; the healthy pod mounts class db."""
    own = association("external-secrets", "external-secrets")
    controller = pod("eso", namespace="external-secrets", service_account="external-secrets")
    image = replace(controller.containers[0], image="ghcr.io/external-secrets/external-secrets:v1.0.0")
    return healthy(
        associations=(association(), own) if operator else (association(),),
        products={plural: Known((setting,))},
        pods=(pod(secret_classes=("db",)), replace(controller, containers=(image,)), agent_pod()),
    )


def flagged(flag: str) -> Snapshot:
    return healthy(pods=(pod(containers=(replace(pod().containers[0], flags=(flag,)),)),))


def filtering(line: str) -> Snapshot:
    return healthy(daemon_sets=(daemon_set(), daemon_set(name="block-imds", images=(), args=(), firewall=(line,))))


def logged(mode: str) -> Snapshot:
    seen = LogSighting(id=mode, node="node-1", count=3, sample="text", accounts=("shop/orders",), last=ago(minutes=1))
    return healthy(agent_logs={"kube-system/agent": Known((seen,))})


def isolated(warnings: Any) -> Snapshot:
    arn = "arn:aws-iso:eks:us-iso-east-1:111122223333:cluster/prod"
    stuck = agent_pod(phase="Pending", ready=False)
    return healthy(
        cluster=cluster(arn=arn), agent_pods=(stuck,), agent_warnings={f"kube-system/{stuck.name}": warnings}
    )


CASES = {
    "tool-aws-denied": Cases(None, healthy(node_groups=DENIED)),
    "tool-k8s-rbac-denied": Cases(None, NO_PODS),
    "private-endpoint-unreachable": Cases(None, healthy(pods=NO_ANSWER)),
    "unsupported-cluster-kind": Cases(
        healthy(cluster=cluster(unsupported_kind="a local cluster on Outposts")), healthy(cluster=DENIED)
    ),
    "cluster-too-old": Cases(
        healthy(cluster=cluster(version="1.28", platform_version="eks.3"), pods=(bare(pod()),)),
        healthy(cluster=cluster(version="1.28"), pods=()),
        # whatever it says of itself, it injects
        healthy(cluster=cluster(version="1.19")),
    ),
    "association-missing": Cases(asked(healthy(associations=())), asked(healthy(associations=DENIED))),
    "association-namespace-not-found": Cases(healthy(namespaces=frozenset({"x"})), healthy(namespaces=DENIED)),
    "association-sa-not-found": Cases(healthy(service_accounts=()), healthy(service_accounts=DENIED)),
    "association-deleted-env-remains": Cases(healthy(associations=()), NO_PODS),
    "sa-mismatch": Cases(healthy(pods=(), workloads=(workload(service_account="default"),)), healthy(workloads=DENIED)),
    "pod-predates-association": Cases(healthy(pods=(bare(pod(), created_at=MADE - timedelta(hours=1)),)), NO_PODS),
    "association-propagation-race": Cases(healthy(pods=(bare(pod(), created_at=MADE),)), NO_PODS),
    "webhook-config-altered": Cases(
        healthy(webhook=WebhookRegistration(url="https://127.0.0.1:23443/mutate", on_create=False)),
        healthy(webhook=DENIED),
    ),
    "injection-missed-webhook": Cases(healthy(pods=(bare(pod()),)), healthy(webhook=DENIED)),
    "irsa-env-still-active": Cases(
        healthy(pods=(replace(bare(pod()), containers=(replace(pod().containers[0], env=IRSA),)),)), NO_PODS
    ),
    "irsa-env-hardcoded": Cases(setting(**IRSA), NO_PODS),
    "static-aws-keys-shadow": Cases(setting(AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY=""), NO_PODS),
    "injected-fields-hardcoded": Cases(
        setting(AWS_CONTAINER_CREDENTIALS_FULL_URI="http://localhost:9911/credentials"), NO_PODS
    ),
    "token-audience": Cases(
        healthy(pods=(with_token("sts.amazonaws.com"),)), NO_PODS, healthy(pods=(with_token(PODS_PRINCIPAL),))
    ),
    "host-network-pod": Cases(healthy(pods=(pod(host_network=True),)), NO_PODS),
    "fargate-pod": Cases(healthy(nodes=(node(compute_type="fargate"),)), NO_PODS),
    "windows-pod": Cases(healthy(nodes=(node(os="windows"),)), healthy(nodes=DENIED)),
    "sdk-too-old": Cases(imaged("public.ecr.aws/aws-cli/aws-cli:2.14.6"), NO_PODS),
    "networkpolicy-blocks-agent": Cases(
        healthy(network_policies=(DENY_ALL,), daemon_sets=(daemon_set(), CALICO)), healthy(network_policies=DENIED)
    ),
    "cilium-host-entity": Cases(
        healthy(network_policies=(TO_AGENT,), daemon_sets=(daemon_set(), CILIUM)),
        healthy(cilium_policies=DENIED),
        healthy(daemon_sets=(daemon_set(), CILIUM)),
    ),
    "sg-for-pods-blocks-agent": Cases(
        healthy(pods=(pod(annotations={"vpc.amazonaws.com/pod-eni": "[]"}),), daemon_sets=(daemon_set(), CNI)), NO_PODS
    ),
    "service-mesh-intercepts": Cases(
        healthy(pods=(pod(containers=(*pod().containers, Container(name="istio-proxy", image="i"))),)), NO_PODS
    ),
    "pod-proxy-missing-no-proxy": Cases(setting(HTTP_PROXY="", NO_PROXY="10.0.0.0/8"), NO_PODS),
    "agent-not-installed": Cases(
        healthy(agent_addon=None, daemon_sets=()), healthy(agent_addon=DENIED, daemon_sets=())
    ),
    "addon-config-conflict": Cases(
        healthy(daemon_sets=(daemon_set(), daemon_set(namespace="agent"))), healthy(nodes=DENIED)
    ),
    "agent-port80-conflict": Cases(
        healthy(
            daemon_sets=(daemon_set(host_ports=(80, 2703)),),
            agent_pods=(),
            pods=(pod(), pod("ingress", host_ports=(80,))),
        ),
        NO_PODS,
    ),
    "custom-eks-auth-endpoint": Cases(
        healthy(
            egress=egress(
                endpoints=(
                    REGISTRY,
                    replace(REGISTRY, endpoint_id="vpce-2", service="com.amazonaws.us-west-2.eks-auth"),
                )
            )
        ),
        healthy(daemon_sets=DENIED),
    ),
    "eks-auth-unreachable": Cases(healthy(egress=egress(endpoints=(REGISTRY,))), healthy(egress=DENIED)),
    "agent-ipv6-bind": Cases(healthy(agent_pods=(ENDS_AT_ONCE,)), healthy(agent_pods=DENIED)),
    "agent-image-pull": Cases(healthy(agent_pods=(UNPULLED,)), healthy(agent_pods=DENIED)),
    "hybrid-daemonset-missing": Cases(
        healthy(nodes=(HYBRID,), daemon_sets=(daemon_set(placement=ELSEWHERE),), agent_pods=()),
        healthy(nodes=DENIED),
        healthy(nodes=(HYBRID,)),
    ),
    "self-managed-cluster-name-wrong": Cases(
        healthy(daemon_sets=(daemon_set(args=("--cluster-name", "EKS_CLUSTER_NAME")),)), healthy(cluster=DENIED)
    ),
    "auto-mode-redundant-addon": Cases(
        healthy(cluster=AUTO, nodes=(node(compute_type="auto"),)),
        healthy(cluster=AUTO, nodes=DENIED),
        healthy(cluster=AUTO, nodes=(node(), node("a", compute_type="auto"))),
    ),
    "agent-probe-port-conflict": Cases(
        healthy(agent_pods=(agent_pod(ready=False),), pods=(pod(), pod("other", host_ports=(2703,)))), NO_PODS
    ),
    "agent-proxy-misconfig": Cases(
        healthy(daemon_sets=(daemon_set(env={"HTTP_PROXY": ""}),)),
        healthy(daemon_sets=DENIED),
        healthy(daemon_sets=(daemon_set(env={"HTTPS_PROXY": ""}),)),
    ),
    "node-startup-race": Cases(race("node-1", "node-2"), NO_PODS),
    "java-ipv6-host-rejected": Cases(
        replace(
            setting(AWS_CONTAINER_CREDENTIALS_FULL_URI="http://[fd00:ec2::23]/v1/credentials", JAVA_HOME=""),
            cluster=Known(cluster(ip_family="ipv6")),
        ),
        NO_PODS,
    ),
    "agent-outdated": Cases(healthy(agent_addon=addon(version="v1.1.0-eksbuild.1")), healthy(agent_addon=DENIED)),
    "addon-blocks-upgrade": Cases(
        healthy(agent_next_versions=(AddonVersion(version="v9.0.0-eksbuild.1", default=True),)),
        healthy(upgrade_insights=DENIED),
    ),
    "agent-pod-unhealthy": Cases(healthy(agent_pods=(agent_pod(ready=False),)), healthy(agent_pods=DENIED)),
    "addon-degraded-or-failed": Cases(
        healthy(agent_addon=addon(status="CREATE_FAILED")), healthy(agent_addon=addon(status="UPDATING"))
    ),
    "agent-not-on-node": Cases(healthy(agent_pods=()), healthy(agent_pods=(), daemon_sets=(daemon_set(generation=2),))),
    "scp-denies-eks-auth": Cases(
        healthy(node_role_allowed={NODE_ROLE_ARN: Known(replace(REFUSED.value, organization_allows=False))}),
        healthy(node_role_allowed={NODE_ROLE_ARN: DENIED}),
    ),
    "node-role-missing-eks-auth": Cases(
        healthy(node_role_allowed={NODE_ROLE_ARN: REFUSED}), healthy(node_role_allowed={NODE_ROLE_ARN: DENIED})
    ),
    "role-not-found": Cases(healthy(roles={ROLE_ARN: Known(None)}), NO_ROLE),
    "trust-wrong-principal": Cases(trusting(principal="ec2.amazonaws.com"), NO_ROLE),
    "trust-missing-tag-session": Cases(trusting(actions="sts:AssumeRole"), NO_ROLE),
    "trust-request-tag-with-tags-disabled": Cases(
        replace(
            trusting(StringEquals={"aws:RequestTag/kubernetes-namespace": "shop"}),
            associations=Known((association(disable_session_tags=True),)),
        ),
        NO_ROLE,
    ),
    "trust-condition-never-matches": Cases(trusting(StringEquals={"aws:SourceAccount": "999999999999"}), NO_ROLE),
    "trust-too-broad": Cases(trusting(Null={"aws:SourceArn": "false"}), NO_ROLE),
    "base-role-cannot-assume-target": Cases(
        chained(decisions=Known(permissions("explicitDeny", "allowed"))), chained(decisions=DENIED), chained()
    ),
    "permissions-boundary-denies": Cases(
        chained(decisions=Known(permissions("implicitDeny", "allowed", boundary_allows=False))),
        healthy(target_permissions=DENIED),
        chained(),
    ),
    "role-recreated": Cases(chained(target=Known(role(TARGET_ARN, target_trust("AROAOLD")))), NO_ROLE, chained()),
    "external-id-mismatch": Cases(
        chained(target=Known(role(TARGET_ARN, target_trust(StringEquals={"sts:ExternalId": "another"})))),
        chained(target=DENIED),
        chained(),
    ),
    "target-role-trust-broken": Cases(
        chained(target=Known(role(TARGET_ARN, target_trust(actions="sts:AssumeRole")))),
        chained(target=DENIED),
        chained(),
    ),
    "cached-credentials-after-change": Cases(healthy(associations=(association(modified_at=ago(hours=4)),)), NO_PODS),
    "cross-account-role-arn": Cases(
        healthy(associations=(association(role_arn="arn:aws:iam::999999999999:role/orders"),)), healthy(cluster=DENIED)
    ),
    "default-sa-association": Cases(healthy(associations=(association(name="default"),)), healthy(associations=DENIED)),
    "addon-owned-association": Cases(
        healthy(addons=(addon(association_arns=("arn",), service_account_role_arn=ROLE_ARN),)), healthy(addons=DENIED)
    ),
    "association-quota": Cases(healthy(associations=(association(),) * 4000), healthy(associations=DENIED)),
    "unused-association": Cases(abandoned(), replace(abandoned(), roles=Known({ROLE_ARN: DENIED}))),
    "injection-opted-out": Cases(
        healthy(pods=(pod(annotations={"eks.amazonaws.com/skip-containers": "app"}),)), NO_PODS
    ),
    "ephemeral-debug-container-no-env": Cases(healthy(pods=(pod(ephemeral=("debugger",)),)), NO_PODS),
    "irsa-annotation-leftover": Cases(
        healthy(service_accounts=(annotated(),)), healthy(service_accounts=DENIED), healthy()
    ),
    "sa-recreated-token-invalid": Cases(
        healthy(service_accounts=(replace(annotated(), created_at=ago(hours=1)),)), healthy(service_accounts=DENIED)
    ),
    "ipv6-uri-on-ipv4-pods": Cases(
        setting(("10.0.0.9",), AWS_CONTAINER_CREDENTIALS_FULL_URI="http://[fd00:ec2::23]/v1/credentials"), NO_PODS
    ),
    "agent-hijacked-by-default-sa": Cases(
        healthy(agent_pods=(agent_pod(containers=pod().containers),)), healthy(agent_pods=DENIED)
    ),
    "role-no-permissions": Cases(
        healthy(role_policies={ROLE_ARN: Known(PolicyNames())}), healthy(role_policies={ROLE_ARN: DENIED})
    ),
    "session-policy-misconfig": Cases(
        with_policy({"Statement": {"Effect": "Deny"}}),
        with_policy([]),
        with_policy({"Statement": [{"Effect": "Allow"}]}),
    ),
    "consumer-is-other-pod": Cases(
        with_products("secretstores", STORE),
        healthy(products=DENIED),
        with_products("secretstores", STORE, operator=True),
    ),
    "product-still-in-irsa-mode": Cases(
        with_products("secretproviderclasses", CLASS),
        healthy(products={"issuers": DENIED}),
        with_products("secretproviderclasses", replace(CLASS, way=CredentialWay.POD_IDENTITY)),
    ),
    "csi-driver-tokenrequest-missing": Cases(
        replace(with_products("secretproviderclasses", BY_POD), csi_drivers=Known({DRIVER: frozenset()})),
        replace(with_products("secretproviderclasses", BY_POD), csi_drivers=DENIED),
        replace(
            with_products("secretproviderclasses", BY_POD), csi_drivers=Known({DRIVER: frozenset({PODS_PRINCIPAL})})
        ),
    ),
    "app-assumes-own-role": Cases(
        flagged(f"--aws-assume-role={ROLE_ARN}"),
        replace(flagged(f"--aws-assume-role={ROLE_ARN}"), roles=Known({ROLE_ARN: DENIED})),
        flagged(f"--aws-assume-role={TARGET_ARN}"),
    ),
    "chained-assume-missing-tag-session": Cases(
        healthy(assume_permissions={ROLE_ARN: Known(AssumePermissions((FOREIGN,)))}),
        healthy(assume_permissions={ROLE_ARN: DENIED}),
        healthy(assume_permissions={ROLE_ARN: Known(AssumePermissions((FOREIGN,), (FOREIGN,)))}),
    ),
    "roles-shared-across-associations": Cases(
        healthy(associations=(association(), association("web"))), healthy(associations=DENIED)
    ),
    "automount-false": Cases(asked(healthy(pods=(pod(automount=False),))), NO_PODS),
    "host-firewall-blocks-link-local": Cases(
        filtering("iptables -I INPUT -d 169.254.0.0/16 -j DROP"),
        healthy(daemon_sets=DENIED),
        filtering("iptables -I FORWARD -d 169.254.169.254/32 -j DROP"),
    ),
    "imds-metadata-dependency": Cases(
        replace(
            imaged("r/aws-load-balancer-controller:v2.11.0"),
            instances=Known({"node-1": replace(INSTANCE, hop_limit=1)}),
        ),
        replace(imaged("r/aws-load-balancer-controller:v2.11.0"), instances=DENIED),
        imaged("r/aws-load-balancer-controller:v2.11.0"),
    ),
    "imds-fallback-node-role": Cases(
        OLD_PODS,
        replace(OLD_PODS, instances=DENIED),
        replace(OLD_PODS, instances=Known({"node-1": replace(INSTANCE, hop_limit=1)})),
    ),
    "node-clock-skew": Cases(healthy(clocks={"node-1": 700}), healthy(clocks=DENIED)),
    "agent-imds-unavailable": Cases(
        healthy(instances={"node-1": replace(INSTANCE, metadata=False)}), healthy(instances=DENIED)
    ),
    "cni-depends-on-agent": Cases(
        healthy(cni_permissions={NODE_ROLE_ARN: Known(permissions("implicitDeny", "implicitDeny"))}),
        healthy(cni_permissions={NODE_ROLE_ARN: DENIED}),
        healthy(cni_permissions={NODE_ROLE_ARN: Known(permissions())}),
    ),
    "admission-policy-blocks-agent": Cases(
        healthy(agent_warnings={"kube-system/eks-pod-identity-agent": Known((VIOLATES,))}),
        healthy(agent_warnings=DENIED),
    ),
    **{
        mode: Cases(logged(mode), healthy(agent_logs={"kube-system/agent": DENIED}))
        for mode in (
            *("bearer-token-prefix", "custom-credential-chain"),
            *("agent-timeout-context-canceled", "eks-auth-throttled"),
        )
    },
    "stale-link-or-route": Cases(logged("stale-link-or-route"), healthy(agent_pods=DENIED)),
    "packed-policy-too-large": Cases(
        healthy(sessions={ROLE_ARN: Known((session(40), session(80), session(None)))}),
        healthy(sessions={ROLE_ARN: DENIED}),
    ),
    "iso-partition-ca-bundle": Cases(
        isolated(Known(("hostPath type check failed: /etc/pki/tls/certs/ca-bundle.crt is not a file",))),
        isolated(DENIED),
        isolated(Known(("no route to host",))),
    ),
    **{mode: Cases(*case) for mode, case in AUDIT_CASES.items()},
}


def test_every_check_has_its_three_cases() -> None:
    assert BY_ID.keys() - CASES.keys() == set(), "each wants a line in CASES"
    assert CASES.keys() - BY_ID.keys() == set(), "these are no checks"


@table("check_id", CASES)
def test_healthy_broken_unknown(check_id: str) -> None:
    cases = CASES[check_id]
    assert {outcome for outcome, _, _ in answers(check_id, asked(cases.fine or healthy()))} == {"pass"}
    assert "unknown" in [outcome for outcome, _, _ in answers(check_id, cases.unknown)]
    if cases.broken is None:
        assert BY_ID[check_id].link == 0
    else:
        assert "fail" in [outcome for outcome, _, _ in answers(check_id, cases.broken)]


BROKEN = [check_id for check_id, cases in CASES.items() if cases.broken is not None]


@table("check_id", BROKEN)
def test_a_fault_in_an_init_container_alone_is_reported_too(check_id: str) -> None:
    """The webhook injects init containers as it does the others, and their SDKs use what they are given."""
    broken = CASES[check_id].broken
    assert broken is not None
    if isinstance(broken.pods, Known):
        broken = replace(broken, pods=Known(tuple(map(_with_init_containers, broken.pods.value))))
    assert "fail" in [outcome for outcome, _, _ in answers(check_id, broken)]


def _with_init_containers(old: Pod) -> Pod:
    """Return the pod with its containers as init containers, and one healthy container."""
    main = Container(name="main", image="example/main:1", env=INJECTED if injected(old) else {}, ready=True)
    return replace(old, containers=(*(replace(container, init=True) for container in old.containers), main))


@table("check_id", BROKEN)
def test_fixes_can_be_pasted(check_id: str) -> None:
    """podid's own parser takes them, and nothing is left to fill in."""
    broken = CASES[check_id].broken
    assert broken is not None
    fixes = [
        words
        for verdict in run_checks((BY_ID[check_id],), broken)
        if verdict.fix is not None
        for words in verdict.fix.commands
    ]
    for words in fixes:
        assert words[0] in ("podid", "aws", "kubectl")
        assert not any(re.fullmatch(r"[A-Z][A-Z_/]{2,}", word) for word in words)
        assert words[0] != "podid" or parsed(words)
