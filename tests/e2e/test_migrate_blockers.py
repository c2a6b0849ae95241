"""Every blocker and warning of a migration: named in a cluster that holds just that; none in one that holds none."""

import json
from collections.abc import Callable, Iterable

import pytest

from cluster_api import Json
from irsa import ANNOTATION, ISSUER, PROVIDER, Irsa, irsa_statement
from podid.ops.migrate.judge import BLOCKING
from podid.pages.index import ENTRIES
from podid.sandbox.breaks.scenario import Scenario
from worlds import ACCOUNT, Site

pytestmark = pytest.mark.sampled(5)

ONE = "shop/one"
ROLES = f"arn:aws:iam::{ACCOUNT}:role/"


@pytest.fixture
def irsa(healthy: Site) -> Irsa:
    return Irsa(healthy)


def _one(irsa: Irsa, *statements: Json, metadata: Json | None = None, **pod: object) -> str:
    """A service account with a role, and a Deployment whose pods have these members."""
    arn = irsa.role("shop-one", *(statements or (irsa_statement(ONE),)))
    more: Json = {"pod": pod} if pod else {}
    irsa.account(ONE, arn, metadata=metadata, **more)
    return ONE


def _container(**more: object) -> list[Json]:
    return [{"name": "app", "image": "busybox:1.37", "command": ["sleep", "infinity"], **more}]


def _env(**values: str) -> list[Json]:
    return _container(env=[{"name": name, "value": value} for name, value in values.items()])


def _policy_of(irsa: Irsa, statement: Json) -> None:
    document = {"Version": "2012-10-17", "Statement": [statement]}
    irsa.site.aws("iam").put_role_policy(RoleName="shop-one", PolicyName="more", PolicyDocument=json.dumps(document))


def _scenario(irsa: Irsa) -> Scenario:
    return Scenario(irsa.site.box.reach(), "one")


def _daemon_set(irsa: Irsa, name: str) -> None:
    labels = {"app": name}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": name, "image": f"{name}:v1"}]}}
    body = {"metadata": {"name": name}, "spec": {"selector": {"matchLabels": labels}, "template": template}}
    irsa.site.cluster.post("/apis/apps/v1/namespaces/kube-system/daemonsets", body)
    irsa.site.wait(30)


# --- blockers ---------------------------------------------------------------------------------------------------------


def fargate_pod(irsa: Irsa) -> str:
    node = _scenario(irsa).add_node("10.0.9.9", labels={"eks.amazonaws.com/compute-type": "fargate"})
    return _one(irsa, nodeName=node)


def windows_pod(irsa: Irsa) -> str:
    node = _scenario(irsa).add_node("10.0.9.10", labels={"kubernetes.io/os": "windows"})
    irsa.site.cluster.merge(f"/api/v1/nodes/{node}/status", {"status": {"nodeInfo": {"operatingSystem": "windows"}}})
    return _one(irsa, nodeName=node, nodeSelector={"kubernetes.io/os": "windows"})


def agent_not_on_node(irsa: Irsa) -> str:
    values = json.dumps({"tolerations": [{"key": "CriticalAddonsOnly", "operator": "Exists"}]})
    irsa.site.aws("eks").update_addon(
        clusterName="demo", addonName="eks-pod-identity-agent", configurationValues=values
    )
    irsa.site.wait(60)
    node = _scenario(irsa).add_node("10.0.9.11", taints=[{"key": "dedicated", "value": "gpu", "effect": "NoSchedule"}])
    _one(irsa, nodeName=node, tolerations=[{"operator": "Exists"}])
    irsa.site.wait(150)  # a node that has just joined may still get its agent
    return ONE


def agent_not_installed(irsa: Irsa) -> str:
    _one(irsa)
    irsa.site.aws("eks").delete_addon(clusterName="demo", addonName="eks-pod-identity-agent")
    irsa.site.wait(60)
    return ONE


def role_not_found(irsa: Irsa) -> str:
    irsa.account(ONE, f"{ROLES}gone")
    return ONE


def cross_account_role_arn(irsa: Irsa) -> str:
    irsa.account(ONE, "arn:aws:iam::444455556666:role/far")
    return ONE


def association_other_role(irsa: Irsa) -> str:
    _one(irsa)
    irsa.site.associate("shop", "one", "storefront")
    return ONE


def irsa_env_hardcoded(irsa: Irsa) -> str:
    return _one(irsa, containers=_env(AWS_ROLE_ARN=f"{ROLES}shop-one", AWS_WEB_IDENTITY_TOKEN_FILE="/token"))


def static_aws_keys_shadow(irsa: Irsa) -> str:
    return _one(irsa, containers=_env(AWS_ACCESS_KEY_ID="x", AWS_SECRET_ACCESS_KEY="y"))


def sdk_too_old(irsa: Irsa) -> str:
    return _one(irsa, containers=_container(image="public.ecr.aws/aws-cli/aws-cli:2.13.0"))


def product_still_in_irsa_mode(irsa: Irsa) -> str:
    _one(irsa)
    irsa.site.kube.install("external-secrets.io")
    auth = {"jwt": {"serviceAccountRef": {"name": "one"}}}
    spec = {"provider": {"aws": {"service": "SecretsManager", "region": "us-west-2", "auth": auth}}}
    irsa.site.cluster.post(
        "/apis/external-secrets.io/v1/namespaces/shop/secretstores", {"metadata": {"name": "one"}, "spec": spec}
    )
    return ONE


def pod_proxy_missing_no_proxy(irsa: Irsa) -> str:
    return _one(irsa, containers=_env(HTTP_PROXY="http://proxy.internal:3128"))


def networkpolicy_blocks_agent(irsa: Irsa) -> str:
    _one(irsa)
    _daemon_set(irsa, "calico-node")
    block = {"ipBlock": {"cidr": "0.0.0.0/0", "except": ["169.254.0.0/16"]}}
    spec = {"podSelector": {"matchLabels": {"app": "one"}}, "policyTypes": ["Egress"], "egress": [{"to": [block]}]}
    irsa.site.cluster.post(
        "/apis/networking.k8s.io/v1/namespaces/shop/networkpolicies", {"metadata": {"name": "egress"}, "spec": spec}
    )
    return ONE


def sg_for_pods_blocks_agent(irsa: Irsa) -> str:
    """The VPC CNI in its default mode, and pods with network interfaces of their own."""
    _one(irsa)
    _daemon_set(irsa, "aws-node")
    interface = '[{"eniId":"eni-0a1b2c3d4e5f60001","ifAddress":"0e:12:34:56:78:9a","privateIp":"10.0.1.77"}]'
    template = {"metadata": {"annotations": {"vpc.amazonaws.com/pod-eni": interface}}}
    irsa.site.cluster.merge("/apis/apps/v1/namespaces/shop/deployments/one", {"spec": {"template": template}})
    irsa.site.wait(60)
    return ONE


def trust_quota(irsa: Irsa) -> str:
    return _one(irsa, irsa_statement(ONE, *(f"shop/{'x' * 50}{number}" for number in range(18))))


def trust_unreadable(irsa: Irsa) -> str:
    _one(irsa)
    irsa.site.box.world.credentials.deny("iam:GetRole")
    return ONE


def addon_pod_identity_unsupported(irsa: Irsa) -> str:
    ref = _addon(irsa)
    irsa.site.box.world.clusters["demo"].addons["aws-ebs-csi-driver"].version = "v1.25.0-eksbuild.1"
    return ref


def _addon(irsa: Irsa) -> str:
    """An add-on that uses IRSA."""
    arn = irsa.role("ebs-csi", irsa_statement("kube-system/ebs-csi-controller-sa"))
    irsa.account("kube-system/ebs-csi-controller-sa", arn)
    irsa.site.aws("eks").update_addon(clusterName="demo", addonName="aws-ebs-csi-driver", serviceAccountRoleArn=arn)
    irsa.site.wait(60)
    return "kube-system/ebs-csi-controller-sa"


def test_a_workload_with_the_role_of_an_addon_is_migrated(irsa: Irsa) -> None:
    _addon(irsa)
    irsa.account(ONE, f"{ROLES}ebs-csi")
    assert irsa.blockers(ONE) == []


# --- warnings ---------------------------------------------------------------------------------------------------------


def role_used_elsewhere(irsa: Irsa) -> str:
    return _one(irsa, irsa_statement(ONE), irsa_statement(ONE, provider=PROVIDER.replace("EXAMPLED", "OTHERD")))


def wildcard_subject(irsa: Irsa) -> str:
    return _one(irsa, irsa_statement("shop/o*", operator="StringLike"))


def wildcard_subject_without_sub(irsa: Irsa) -> str:
    return _one(irsa, irsa_statement())


def annotation_owned(irsa: Irsa) -> str:
    return _one(irsa, metadata={"annotations": {"meta.helm.sh/release-name": "one"}})


def session_name_changed(irsa: Irsa) -> str:
    statement = irsa_statement(ONE)
    statement["Condition"]["StringLike"] = {"sts:RoleSessionName": "botocore-session-*"}
    return _one(irsa, statement)


def session_name_changed_in_a_policy(irsa: Irsa) -> str:
    _one(irsa)
    condition = {"StringLike": {"aws:userid": "*:botocore-session-*"}}
    _policy_of(irsa, {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*", "Condition": condition})
    return ONE


def chained_assume_missing_tag_session(irsa: Irsa) -> str:
    _one(irsa)
    _policy_of(irsa, {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "arn:aws:iam::444455556666:role/far"})
    return ONE


def host_network_pod(irsa: Irsa) -> str:
    return _one(irsa, hostNetwork=True)


BLOCKERS = (
    fargate_pod,
    windows_pod,
    agent_not_on_node,
    agent_not_installed,
    role_not_found,
    cross_account_role_arn,
    association_other_role,
    irsa_env_hardcoded,
    static_aws_keys_shadow,
    sdk_too_old,
    product_still_in_irsa_mode,
    pod_proxy_missing_no_proxy,
    networkpolicy_blocks_agent,
    sg_for_pods_blocks_agent,
    trust_quota,
    trust_unreadable,
    addon_pod_identity_unsupported,
)
WARNINGS = (
    role_used_elsewhere,
    wildcard_subject,
    wildcard_subject_without_sub,
    annotation_owned,
    session_name_changed,
    session_name_changed_in_a_policy,
    chained_assume_missing_tag_session,
    host_network_pod,
)


def _id(cause: Callable[[Irsa], str]) -> str:
    """The function's name; what follows the id of a page tells two causes apart."""
    name = cause.__name__.replace("_", "-")
    return max((entry.id for entry in ENTRIES if name.startswith(entry.id)), key=len)


def _ids(entries: Iterable[Json]) -> list[str]:
    return [entry["id"] for entry in entries]


def test_each_warning_that_blocks_has_a_case() -> None:
    assert set(map(_id, BLOCKERS)) >= BLOCKING


@pytest.mark.parametrize("cause", BLOCKERS, ids=lambda cause: cause.__name__)
def test_a_blocker_alone(irsa: Irsa, cause: Callable[[Irsa], str]) -> None:
    item = _after(irsa, cause) if cause is not trust_unreadable else _blind(irsa)
    assert (_ids(item["blockers"]), _ids(item["warnings"])) == ([_id(cause)], [])
    assert all(blocker["message"] and blocker["wayOut"] is not None for blocker in item["blockers"])


def _after(irsa: Irsa, cause: Callable[[Irsa], str]) -> Json:
    ref = cause(irsa)
    item: Json = irsa.items()[ref]
    return item


def _blind(irsa: Irsa) -> Json:
    ref = trust_unreadable(irsa)
    outcome = irsa.site("migrate", "plan", ref, "-o", "json")
    (item,) = outcome.json["items"]
    assert "iam:GetRole" in item["blockers"][0]["message"]
    return dict(item)


@pytest.mark.parametrize("cause", WARNINGS, ids=lambda cause: cause.__name__)
def test_a_warning_alone(irsa: Irsa, cause: Callable[[Irsa], str]) -> None:
    item = _after(irsa, cause)
    assert (_ids(item["blockers"]), _ids(item["warnings"])) == ([], [_id(cause)])


def test_none_in_a_healthy_cluster(irsa: Irsa) -> None:
    _one(irsa)
    for ref, item in irsa.items().items():
        assert (item["blockers"], item["warnings"], item["unknown"]) == ([], [], []), ref


# --- what is said about them, and what is accepted --------------------------------------------------------------------


def test_a_pattern_names_the_service_accounts_that_it_stands_for(irsa: Irsa) -> None:
    arn = irsa.role("wide", irsa_statement("shop/*", operator="StringLike"))
    for ref in ("shop/one", "shop/two"):
        irsa.account(ref, arn)
    (warning,) = irsa.items()[ONE]["warnings"]
    # default and cart of namespace shop have no annotation
    assert "shop/one, shop/two use it today; 2 other service accounts could" in warning["message"]


def test_a_full_trust_policy_says_what_could_be_merged(irsa: Irsa) -> None:
    others = [f"shop/{'x' * 60}{number}" for number in range(3)]
    _one(irsa, *(irsa_statement(ref) for ref in (ONE, *others)))
    (blocker,) = irsa.items()[ONE]["blockers"]
    assert (blocker["id"], len(blocker["evidence"])) == ("trust-quota", 1)
    assert f"differ only in {ISSUER}:sub: one statement with a list is" in blocker["evidence"][0]


def test_every_chained_role_without_tag_session_is_named(irsa: Irsa) -> None:
    _one(irsa)
    arns = [f"arn:aws:iam::444455556666:role/far-{number}" for number in range(7)]
    _policy_of(irsa, {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": arns})
    (warning,) = irsa.items()[ONE]["warnings"]
    assert all(f"{arn}:" in warning["message"] for arn in arns)


def test_kinds_of_nodes(irsa: Irsa) -> None:
    assert _after(irsa, fargate_pod)["nodeKinds"] == ["fargate"]
    assert irsa.items()["legacy/reports"]["nodeKinds"] == ["managed"]


def test_an_accepted_blocker_is_migrated(irsa: Irsa) -> None:
    sdk_too_old(irsa)
    assert irsa.site("migrate", "apply", ONE, "--yes").code == 6
    for accept in ("sdk-too-old", f"{ONE}=sdk-too-old"):
        irsa.site.must("migrate", "apply", ONE, "--accept", accept, "--yes", "--until", "moved")
        assert irsa.stages()[ONE] == "moved"
        irsa.site.must("migrate", "rollback", ONE, "--yes")


@pytest.mark.parametrize("cause", [role_not_found, cross_account_role_arn, association_other_role, trust_quota])
def test_what_aws_would_refuse_cannot_be_accepted(irsa: Irsa, cause: Callable[[Irsa], str]) -> None:
    ref = cause(irsa)
    outcome = irsa.site("migrate", "apply", ref, "--accept", _id(cause), "--yes")
    assert (outcome.code, f"{ref}: {_id(cause)}" in outcome.stderr) == (6, True), outcome
    assert irsa.site.must("history").stdout == ""


@pytest.mark.parametrize("value", ["sdk-to-old", "shop/one=sdk-to-old", "shop/one=", ""])
def test_a_blocker_that_does_not_exist(irsa: Irsa, value: str) -> None:
    outcome = irsa.site("migrate", "plan", "--accept", value)
    assert (outcome.code, "--accept" in outcome.stderr) == (2, True), outcome


def test_strict_blocks_what_could_not_be_checked(irsa: Irsa) -> None:
    _one(irsa)
    irsa.site.box.world.credentials.deny("iam:ListAttachedRolePolicies")
    (item,) = irsa.site("migrate", "plan", ONE, "-o", "json").json["items"]
    assert (item["blockers"], bool(item["unknown"])) == ([], True)
    outcome = irsa.site("migrate", "apply", ONE, "--strict", "--yes")
    assert (outcome.code, "not checked: " in outcome.stderr) == (6, True), outcome
    irsa.site.must("migrate", "apply", ONE, "--yes")


@pytest.mark.parametrize("verb", ["plan", "status", "apply", "finish", "rollback"])
def test_names_that_do_not_exist(irsa: Irsa, verb: str) -> None:
    more = ("--yes",) if verb in ("apply", "finish", "rollback") else ()
    for names, near, instead in (
        (("legacy/report",), "did you mean reports", "legacy/reports"),
        (("legcy/reports",), "did you mean legacy", "legacy/reports"),
        (("-n", "legcy"), "did you mean legacy", "-n legacy"),
    ):
        outcome = irsa.site("migrate", verb, *names, *more)
        assert (outcome.code, outcome.stdout) == (5, ""), outcome
        assert near in outcome.stderr, outcome
        assert f"podid migrate {verb} {instead}" in outcome.stderr, outcome
    assert irsa.site.must("history").stdout == ""


def test_many_service_accounts_need_no_more_than_one_reading_of_each(irsa: Irsa) -> None:
    """Each role is read once, the policies of all roles in one list, and each kind of object in one list."""
    site, number = irsa.site, 60
    site.cluster.make_namespace("many")
    for index in range(number):
        document = json.dumps({"Version": "2012-10-17", "Statement": [irsa_statement(f"many/app{index}")]})
        site.box.iam.make_role(ACCOUNT, f"app{index}", document)
        metadata = {"name": f"app{index}", "annotations": {ANNOTATION: f"{ROLES}app{index}"}}
        site.cluster.post("/api/v1/namespaces/many/serviceaccounts", {"metadata": metadata})
    site.box.faults.calls.clear()
    site.kube.faults.calls.clear()
    assert len(irsa.items("-n", "many")) == number
    calls = site.box.faults.calls
    # and those of the nodes' role
    assert calls["iam", "GetRole"] <= number + 1
    assert (calls["iam", "ListAttachedRolePolicies"], calls["iam", "ListRolePolicies"]) == (0, 0)
    assert calls["iam", "GetAccountAuthorizationDetails"] == 1
    assert calls["eks", "DescribePodIdentityAssociation"] == 0
    lists = {path: count for (_, path), count in site.kube.faults.calls.items() if "daemonsets" not in path}
    assert max(lists.values()) == 1, lists
    # without the permission, the policies of each role are listed
    items = irsa.items("-n", "many")
    site.box.world.credentials.deny("iam:GetAccountAuthorizationDetails")
    assert irsa.items("-n", "many") == items
    assert calls["iam", "ListRolePolicies"] == number
