"""Failure modes between pods and the agent of their node: link 5."""

from functools import partial

from podid.sandbox.breaks.scenario import CONTAINER, NAMESPACE, Json, Scenario

_POLICIES = f"/apis/networking.k8s.io/v1/namespaces/{NAMESPACE}/networkpolicies"
_ANYWHERE = "0.0.0.0/0"
_DAEMON_SETS = "/apis/apps/v1/namespaces/kube-system/daemonsets"


def ipv6_uri_on_ipv4_pods(scenario: Scenario) -> str:
    """Inject an IPv6 URI into pods that have IPv4 only, as EKS did in IPv4 clusters of a dual-stack VPC:
    https://github.com/aws/containers-roadmap/issues/2639."""
    identity = scenario.create_working_identity()
    scenario.kube.faults.webhook_ipv6 = True
    scenario.replace_pods()
    scenario.kube.faults.webhook_ipv6 = False
    return str(identity)


def host_network_pod(scenario: Scenario) -> str:
    return str(scenario.create_working_identity(pod={"hostNetwork": True}))


def networkpolicy_blocks_agent(scenario: Scenario) -> str:
    """Allow egress to all but the link-local addresses, and install Calico, which enforces the policy."""
    identity = scenario.create_working_identity()
    _daemon_set(scenario, "calico-node")
    everywhere = {"ipBlock": {"cidr": "0.0.0.0/0", "except": ["169.254.0.0/16"]}}
    _policy(scenario, egress=[{"to": [everywhere]}])
    return str(identity)


def cilium_host_entity(scenario: Scenario) -> str:
    """Allow egress to the agent's address, which Cilium treats as the node (entity `host`) instead of an IP address."""
    identity = scenario.create_working_identity()
    _daemon_set(scenario, "cilium")
    _policy(scenario, egress=[{"to": [{"ipBlock": {"cidr": "169.254.170.23/32"}}]}])
    return str(identity)


def sg_for_pods_blocks_agent(scenario: Scenario) -> str:
    """Use the VPC CNI in its default mode, with security groups for pods."""
    _daemon_set(scenario, "aws-node")
    interface = '[{"eniId":"eni-0a1b2c3d4e5f60001","ifAddress":"0e:12:34:56:78:9a","privateIp":"10.0.1.77"}]'
    return str(scenario.create_working_identity(annotations={"vpc.amazonaws.com/pod-eni": interface}))


def service_mesh_intercepts(scenario: Scenario) -> str:
    from podid.sandbox.kube.client import pod_spec

    sidecar = {"name": "istio-proxy", "image": "docker.io/istio/proxyv2:1.24.0"}
    app = pod_spec("")["containers"][0]
    return str(scenario.create_working_identity(pod={"containers": [app, sidecar]}))


def pod_proxy_missing_no_proxy(scenario: Scenario) -> str:
    return str(
        scenario.create_working_identity(
            container={"env": [{"name": "HTTP_PROXY", "value": "http://proxy.internal:3128"}]}
        )
    )


def eks_auth_unreachable(scenario: Scenario) -> str:
    """Delete the default route of the VPC. Of the required VPC endpoints, only that of EKS Auth is missing."""
    scenario.create_working_identity()
    _close(scenario, "ecr.dkr")
    return scenario.world.cluster_name


def custom_eks_auth_endpoint(scenario: Scenario) -> str:
    """Delete the default route of the VPC. The VPC endpoint of EKS Auth has no private DNS name."""
    scenario.create_working_identity()
    _close(scenario, "ecr.dkr", "eks-auth")
    return scenario.world.cluster_name


def _close(scenario: Scenario, *services: str, private_dns: tuple[str, ...] = ("ecr.dkr",)) -> None:
    """Delete the default route of the VPC and create interface endpoints for the services."""
    ec2, vpc = scenario.aws("ec2"), scenario.record.body["resourcesVpcConfig"]["vpcId"]
    tables = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["RouteTables"]
    (default,) = [
        (table["RouteTableId"], route["GatewayId"])
        for table in tables
        for route in table["Routes"]
        if route.get("DestinationCidrBlock") == _ANYWHERE
    ]
    ec2.delete_route(RouteTableId=default[0], DestinationCidrBlock=_ANYWHERE)
    restored = {"RouteTableId": default[0], "DestinationCidrBlock": _ANYWHERE, "GatewayId": default[1]}
    scenario.on_undo(lambda: ec2.create_route(**restored))
    for service in services:
        endpoint = ec2.create_vpc_endpoint(
            VpcId=vpc,
            ServiceName=f"com.amazonaws.{scenario.world.region}.{service}",
            VpcEndpointType="Interface",
            PrivateDnsEnabled=service in private_dns,
        )
        scenario.on_undo(partial(ec2.delete_vpc_endpoints, VpcEndpointIds=[endpoint["VpcEndpoint"]["VpcEndpointId"]]))


def _daemon_set(scenario: Scenario, name: str) -> None:
    labels = {"k8s-app": name}
    container = {"name": CONTAINER, "image": f"example.com/{name}:1"}
    template = {"metadata": {"labels": labels}, "spec": {"serviceAccountName": "default", "containers": [container]}}
    body = {"selector": {"matchLabels": labels}, "template": template}
    scenario.create(_DAEMON_SETS, {"metadata": {"name": name, "labels": labels}, "spec": body})
    scenario.advance_time()


def _policy(scenario: Scenario, **spec: Json | list[Json]) -> None:
    body = {"podSelector": {"matchLabels": {"app": scenario.mode}}, "policyTypes": ["Egress"], **spec}
    scenario.create(_POLICIES, {"metadata": {"name": scenario.mode}, "spec": body})
