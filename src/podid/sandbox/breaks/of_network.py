"""Failure modes between pods and the agent of their node: link 5."""

from functools import partial

from podid.sandbox.breaks.hands import CONTAINER, NAMESPACE, Hands, Json

_POLICIES = f"/apis/networking.k8s.io/v1/namespaces/{NAMESPACE}/networkpolicies"
_ANYWHERE = "0.0.0.0/0"
_DAEMON_SETS = "/apis/apps/v1/namespaces/kube-system/daemonsets"


def ipv6_uri_on_ipv4_pods(hands: Hands) -> str:
    """As EKS had it in clusters of IPv4 whose VPC has both: https://github.com/aws/containers-roadmap/issues/2639."""
    found = hands.working()
    hands.kube.faults.webhook_ipv6 = True
    hands.replace_pods()
    hands.kube.faults.webhook_ipv6 = False
    return str(found)


def host_network_pod(hands: Hands) -> str:
    return str(hands.working(pod={"hostNetwork": True}))


def networkpolicy_blocks_agent(hands: Hands) -> str:
    """A rule for all the world but the link-local addresses, and Calico, which enforces it."""
    found = hands.working()
    _daemon_set(hands, "calico-node")
    everywhere = {"ipBlock": {"cidr": "0.0.0.0/0", "except": ["169.254.0.0/16"]}}
    _policy(hands, egress=[{"to": [everywhere]}])
    return str(found)


def cilium_host_entity(hands: Hands) -> str:
    """The right address, which Cilium takes for the node itself and not for an address."""
    found = hands.working()
    _daemon_set(hands, "cilium")
    _policy(hands, egress=[{"to": [{"ipBlock": {"cidr": "169.254.170.23/32"}}]}])
    return str(found)


def sg_for_pods_blocks_agent(hands: Hands) -> str:
    """The VPC CNI as it comes, with security groups for pods."""
    _daemon_set(hands, "aws-node")
    interface = '[{"eniId":"eni-0a1b2c3d4e5f60001","ifAddress":"0e:12:34:56:78:9a","privateIp":"10.0.1.77"}]'
    return str(hands.working(annotations={"vpc.amazonaws.com/pod-eni": interface}))


def service_mesh_intercepts(hands: Hands) -> str:
    from podid.sandbox.kube.client import pod_spec

    sidecar = {"name": "istio-proxy", "image": "docker.io/istio/proxyv2:1.24.0"}
    app = pod_spec("")["containers"][0]
    return str(hands.working(pod={"containers": [app, sidecar]}))


def pod_proxy_missing_no_proxy(hands: Hands) -> str:
    return str(hands.working(container={"env": [{"name": "HTTP_PROXY", "value": "http://proxy.internal:3128"}]}))


def eks_auth_unreachable(hands: Hands) -> str:
    """The default route is gone, and of the endpoints that such a VPC needs the one for EKS Auth is missing."""
    hands.working()
    _close(hands, "ecr.dkr")
    return hands.world.cluster_name


def custom_eks_auth_endpoint(hands: Hands) -> str:
    """The default route is gone, and the endpoint for EKS Auth has no private DNS."""
    hands.working()
    _close(hands, "ecr.dkr", "eks-auth")
    return hands.world.cluster_name


def _close(hands: Hands, *services: str, private_dns: tuple[str, ...] = ("ecr.dkr",)) -> None:
    """Nothing leads out of the VPC but interface endpoints for the services."""
    ec2, vpc = hands.aws("ec2"), hands.record.body["resourcesVpcConfig"]["vpcId"]
    tables = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["RouteTables"]
    (found,) = [
        (table["RouteTableId"], route["GatewayId"])
        for table in tables
        for route in table["Routes"]
        if route.get("DestinationCidrBlock") == _ANYWHERE
    ]
    ec2.delete_route(RouteTableId=found[0], DestinationCidrBlock=_ANYWHERE)
    way = {"RouteTableId": found[0], "DestinationCidrBlock": _ANYWHERE, "GatewayId": found[1]}
    hands.later(lambda: ec2.create_route(**way))
    for service in services:
        made = ec2.create_vpc_endpoint(
            VpcId=vpc,
            ServiceName=f"com.amazonaws.{hands.world.region}.{service}",
            VpcEndpointType="Interface",
            PrivateDnsEnabled=service in private_dns,
        )
        hands.later(partial(ec2.delete_vpc_endpoints, VpcEndpointIds=[made["VpcEndpoint"]["VpcEndpointId"]]))


def _daemon_set(hands: Hands, name: str) -> None:
    labels = {"k8s-app": name}
    container = {"name": CONTAINER, "image": f"example.com/{name}:1"}
    template = {"metadata": {"labels": labels}, "spec": {"serviceAccountName": "default", "containers": [container]}}
    body = {"selector": {"matchLabels": labels}, "template": template}
    hands.create(_DAEMON_SETS, {"metadata": {"name": name, "labels": labels}, "spec": body})
    hands.let_pass()


def _policy(hands: Hands, **spec: Json | list[Json]) -> None:
    body = {"podSelector": {"matchLabels": {"app": hands.mode}}, "policyTypes": ["Egress"], **spec}
    hands.create(_POLICIES, {"metadata": {"name": hands.mode}, "spec": body})
