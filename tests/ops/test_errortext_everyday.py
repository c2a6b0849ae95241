"""Error texts that everybody meets on Kubernetes and AWS, and that have nothing to do with Pod Identity: no page is given
for one of them as its answer."""

import pytest

from harness import table
from podid.domain.errors import NotFound
from podid.ops.errortext import Certainty
from podid.ops.explain import explain

EVERYDAY = [
    'Failed to pull image "registry.example.com/shop/cart:1.4.2": rpc error: code = NotFound desc = failed to pull and unpack image "registry.example.com/shop/cart:1.4.2": not found',
    "Warning  Failed     3s    kubelet  Error: ImagePullBackOff",
    'Back-off pulling image "123456789012.dkr.ecr.us-east-1.amazonaws.com/payments/api:latest"',
    'Error: ErrImagePull\nFailed to pull image "ghcr.io/acme/web:v9": denied: requested access to the resource is denied',
    "Unable to connect to the server: getting credentials: exec: executable gke-gcloud-auth-plugin not found",
    "Unable to connect to the server: getting credentials: exec: executable kubelogin not found\n\nIt looks like you are trying to use a client-go credential plugin that is not installed.",
    'error: exec plugin: invalid apiVersion "client.authentication.k8s.io/v1alpha1"',
    "The connection to the server localhost:8080 was refused - did you specify the right host or port?",
    "error: You must be logged in to the server (Unauthorized)",
    "Unable to connect to the server: dial tcp 192.168.49.2:8443: i/o timeout",
    "Unable to connect to the server: x509: certificate has expired or is not yet valid: current time 2026-11-24T12:00:00Z is after 2026-10-01T00:00:00Z",
    "0/6 nodes are available: 3 Insufficient cpu, 3 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }. preemption: 0/6 nodes are available: 6 No preemption victims found for incoming pod.",
    "0/3 nodes are available: 3 node(s) didn't have free ports for the requested pod ports. preemption: 0/3 nodes are available",
    "Back-off restarting failed container app in pod web-7d9f8c6b5-x2k4p_default(1b2c)",
    "Readiness probe failed: HTTP probe failed with statuscode: 503",
    'Liveness probe failed: Get "http://10.0.3.7:8080/healthz": context deadline exceeded (Client.Timeout exceeded while awaiting headers)',
    "OOMKilled: container web exceeded its memory limit (exit code 137)",
    'pods "web" is forbidden: violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false (container "web" must set securityContext.allowPrivilegeEscalation=false)',
    'admission webhook "validate.kyverno.svc-fail" denied the request: resource Deployment/default/web was blocked due to the following policies: require-labels',
    'MountVolume.SetUp failed for volume "config" : configmap "web-config" not found',
    'MountVolume.SetUp failed for volume "secrets-store" : rpc error: code = Unknown desc = failed to mount secrets store objects for pod default/web',
    'AttachVolume.Attach failed for volume "pvc-1" : rpc error: code = Internal desc = Could not attach volume "vol-0abc" to node "i-0abc": UnauthorizedOperation',
    'Error from server (Forbidden): pods is forbidden: User "dev" cannot list resource "pods" in API group "" in the namespace "prod"',
    'Error from server (NotFound): deployments.apps "web" not found',
    'Error from server (NotFound): namespaces "shop" not found',
    'error: serviceaccount "builder" not found',
    'error looking up service account ci/runner: serviceaccount "runner" not found',
    "An error occurred (AccessDenied) when calling the GetObject operation: Access Denied",
    "An error occurred (ThrottlingException) when calling the DescribeInstances operation (reached max retries: 4): Rate exceeded",
    "An error occurred (InvalidClientTokenId) when calling the GetCallerIdentity operation: The security token included in the request is invalid.",
    "An error occurred (ExpiredToken) when calling the ListBuckets operation: The provided token has expired.",
    'Could not connect to the endpoint URL: "https://sqs.us-east-1.amazonaws.com/"',
    "ResourceLimitExceededException: You have reached the maximum number of tables",
    "An error occurred (ResourceInUseException) when calling the CreateTable operation: Table already exists: orders",
    "An error occurred (NoSuchEntity) when calling the GetRole operation: The role with name deploy cannot be found.",
    'An error occurred (MalformedPolicyDocument) when calling the CreateRole operation: Invalid principal in policy: "AWS":"arn:aws:iam::111122223333:user/gone"',
    "An error occurred (SignatureDoesNotMatch) when calling the PutObject operation: Signature expired: 20261124T100000Z is now earlier than 20261124T115500Z",
    "listen tcp :80: bind: address already in use",
    "dial tcp: lookup postgres.default.svc.cluster.local on 10.100.0.10:53: no such host",
    "panic: runtime error: invalid memory address or nil pointer dereference",
    "Error: UPGRADE FAILED: another operation (install/upgrade/rollback) is in progress",
    'Error: rendered manifests contain a resource that already exists. Unable to continue with install: ServiceAccount "web" in namespace "shop" exists and cannot be imported into the current release: invalid ownership metadata',
    "Error acquiring the state lock: ConditionalCheckFailedException: The conditional request failed",
    "Error: error creating EKS Node Group (demo:workers): ResourceInUseException: NodeGroup already exists with name workers and cluster name demo",
    "Error: waiting for EKS Node Group (demo:workers) create: unexpected state 'CREATE_FAILED', wanted target 'ACTIVE'. last error: i-0abc: NodeCreationFailure: Instances failed to join the kubernetes cluster",
    "upstream connect error or disconnect/reset before headers. reset reason: connection failure, transport failure reason: delayed connect error: 111",
    "HTTPSConnectionPool(host='files.example.com', port=443): Max retries exceeded with url: /simple/ (Caused by ProxyError('Cannot connect to proxy.'))",
    "fatal: unable to access 'https://github.com/acme/app.git/': Could not resolve host: github.com",
    "hostPath type check failed: /var/log/app is not a directory",
    'Failed to create pod sandbox: plugin type="aws-cni" name="aws-cni" failed (add): add cmd: failed to assign an IP address to container',
    "Warning: policy/v1beta1 PodSecurityPolicy is deprecated in v1.21+, unavailable in v1.25+",
    "curl: (28) Failed to connect to api.example.com port 443 after 5001 ms: Timeout was reached",
    "java.net.UnknownHostException: kafka-0.kafka.svc: Name or service not known",
    "The request signature we calculated does not match the signature you provided. Check your key and signing method.",
    "Too Many Requests (HTTP 429): toomanyrequests: You have reached your pull rate limit. https://www.docker.com/increase-rate-limit",
    "User: arn:aws:iam::111122223333:user/dev is not authorized to perform: s3:ListAllMyBuckets because no permissions boundary allows the s3:ListAllMyBuckets action",
    "User: arn:aws:iam::111122223333:user/dev is not authorized to perform: ec2:RunInstances with an explicit deny in a service control policy",
    "Token has expired and refresh failed",
    'Failed to pull image "602401143452.dkr.ecr.us-west-2.amazonaws.com/eks/coredns:v1.11.4-eksbuild.2": rpc error: code = Unknown desc = failed to pull and unpack image',
    'Failed to pull image "602401143452.dkr.ecr.us-west-2.amazonaws.com/amazon-k8s-cni:v1.20.4-eksbuild.1": unexpected status from HEAD request: 401 Unauthorized',
    'Failed to pull image "public.ecr.aws/aws-cli/aws-cli:2.99.0" in pod probe-pod-identity-test: not found',
    'Warning Failed kubelet Failed to pull image "acme/pod-identity-demo:1": pull access denied, repository does not exist',
    "daemonset datadog-agent: 2 of 3 pods ready; pod datadog-agent-x2k4p CrashLoopBackOff",
    "pod fluent-bit-8xkzd in CrashLoopBackOff: [error] [output:es] could not connect to 10.2.3.4:9200",
    "Error: the agent pod is not ready: newrelic-agent: ImagePullBackOff",
    'failed calling webhook "mpod.elbv2.k8s.aws": failed to call webhook: Post "https://aws-load-balancer-webhook-service.kube-system.svc:443/mutate-v1-pod?timeout=10s": no endpoints available for service',
    'failed calling webhook "validate.nginx.ingress.kubernetes.io": x509: certificate signed by unknown authority',
    "Error: creating EKS Cluster: InvalidParameterException: Subnets specified must be in at least two different AZs",
    "Error: deleting EKS Node Group: ResourceNotFoundException: No node group found for name: workers.",
    "InvalidRequestException: Addon version specified is not supported for Kubernetes version 1.34",
    "ResourceNotFoundException: No cluster found for name: prod.",
    "Your current user or role does not have access to Kubernetes objects on this EKS cluster. This may be due to the current user or role not having Kubernetes RBAC permissions",
    'error: the server doesn\'t have a resource type "podidentityassociations"',
    'no matches for kind "PodIdentityAssociation" in version "eks.services.k8s.aws/v1alpha1"',
    "Error: googleapi: Error 403: Permission iam.serviceAccounts.getAccessToken denied, workload identity pool",
    "WorkloadIdentityCredential: Microsoft Entra ID tenant not found",
    "AADSTS70021: No matching federated identity record found for presented assertion",
    "x509: certificate is valid for 10.100.0.1, not 172.20.0.1",
    "context deadline exceeded while waiting for condition: deployment web",
    "error: timed out waiting for the condition on pods/web-0",
    "Job has reached the specified backoff limit",
    "Pod was evicted: The node was low on resource: ephemeral-storage.",
    "network policy: connection to 10.0.0.5:5432 denied",
    'Error: failed to create containerd task: OCI runtime create failed: exec: "/app/start.sh": permission denied',
    "exec /usr/local/bin/app: exec format error",
    "open /etc/app/config.yaml: no such file or directory",
    "kubelet: Failed to update lease: Unauthorized",
    "aws: error: argument command: Invalid choice, valid choices are",
    'Unable to locate credentials. You can configure credentials by running "aws configure".',
    "The config profile (prod) could not be found",
    "Error when retrieving token from sso: Token has expired and refresh failed",
    "botocore.exceptions.NoRegionError: You must specify a region.",
    'EndpointConnectionError: Could not connect to the endpoint URL: "https://dynamodb.eu-nowhere-1.amazonaws.com/"',
    "An error occurred (UnrecognizedClientException) when calling the DescribeTable operation: The security token included in the request is invalid.",
    "AccessDenied: User: arn:aws:sts::111122223333:assumed-role/lambda-exec/fn is not authorized to perform: dynamodb:PutItem",
    "User: arn:aws:sts::111122223333:assumed-role/github-deploy/GitHubActions is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::444455556666:role/deploy",
    "KMSAccessDeniedException: The ciphertext refers to a customer master key that does not exist",
    "Error: Kubernetes cluster unreachable: the server has asked for the client to provide credentials",
    "ServiceUnavailable: AWS was not able to validate the provided access credentials",
    "Rate limit exceeded, retry after 30s",
    "HTTP 502 Bad Gateway nginx/1.25",
    "istio-proxy: upstream request timeout",
    "connection reset by peer",
    "Could not resolve proxy: proxy.corp.example",
    "signature is not yet valid: clock is skewed",
    "Instance failed to join: cloud-init: instance metadata service 169.254.169.254 timed out",
    "Trust relationship between this workstation and the primary domain failed",
    "ValidationException: Role arn:aws:iam::111122223333:role/firehose should be assumable by firehose.amazonaws.com",
    "InvalidParameterValueException: The role defined for the function cannot be assumed by Lambda.",
    "error: no association found for elastic IP eipalloc-1",
    "InvalidAssociationID.NotFound: The association ID rtbassoc-1 does not exist",
    "RouteAlreadyExists: The route identified by 0.0.0.0/0 already exists.",
    "session duration exceeds the MaxSessionDuration set for this role",
    "Terraform will perform the following actions: aws_iam_role.app will be updated in-place",
    "Error: Error putting S3 policy: MalformedPolicy: Invalid principal in policy",
    "bind: permission denied",
    "bind() to [::]:80 failed (97: Address family not supported by protocol)",
    "ip6tables v1.8.7: can't initialize ip6tables table",
    "deployment pod-identity-demo: 0 of 1 replicas ready, Back-off restarting failed container",
    'Error: failed to download "oci://public.ecr.aws/eks/pod-identity-samples:1"',
    'kubectl: error: the path "pod-identity.yaml" does not exist',
    "helm: Error: INSTALLATION FAILED: cannot re-use a name that is still in use (pod-identity-agent)",
    "github action: Error: Could not assume role with OIDC: Not authorized to perform sts:AssumeRoleWithWebIdentity token.actions.githubusercontent.com",
    "aws: [ERROR]: An error occurred (ResourceNotFoundException) when calling the DescribeCluster operation: No cluster found for name: staging.",
    "Error: creating IAM Role (app): EntityAlreadyExists: Role with name app already exists.",
    "Error: configuring Terraform AWS Provider: validating provider credentials: retrieving caller identity from STS: operation error STS: GetCallerIdentity, https response error StatusCode: 403, api error ExpiredToken: The security token included in the request is expired",
    "Error from server (Timeout): the server was unable to return a response in the time allotted",
    "etcdserver: request timed out",
    "failed to create fsnotify watcher: too many open files",
    "Node ip-10-0-0-10 status is now: NodeNotReady; container runtime network not ready: cni plugin not initialized",
]


def certainty(text: str) -> Certainty | None:
    try:
        return explain(text).certainty
    except NotFound:
        return None


@table("text", EVERYDAY)
def test_everyday_texts_are_possible_at_most(text: str) -> None:
    assert certainty(text) in (None, Certainty.POSSIBLE)


AGENT_RUNS = "1m  Normal   Started  pod/eks-pod-identity-agent-x2k4p  Started container eks-pod-identity-agent"
CART = [
    'Failed to pull image "acme/cart:9": not found',
    "Error: ErrImagePull",
    "Back-off restarting failed container",
    "Readiness probe failed: HTTP probe failed with statuscode: 503",
    "0/3 nodes are available: 3 node(s) didn't have free ports for the requested pod ports",
    'Error creating: pods "cart-" is forbidden: violates PodSecurity "restricted:latest"',
    'admission webhook "validate.kyverno.svc-fail" denied the request: images must come from our registry',
]


@table("what", CART)
@table("first", ["the agent", "the other"])
def test_each_event_of_a_list_is_about_its_own_object(what: str, first: str) -> None:
    """An agent beside another pod that fails is not the one that fails."""
    lines = [AGENT_RUNS, f"5s  Warning  Failed   pod/cart-6d5b7  {what}"]
    assert certainty("\n".join(lines if first == "the agent" else reversed(lines))) is not Certainty.SURE


@pytest.mark.parametrize(
    "text",
    [
        'pod/eks-pod-identity-agent-x2k4p  Failed to pull image "602401143452.dkr.ecr.us-west-2.amazonaws.com/eks/eks-pod-identity-agent:v0.1.37": not found',
        "kube-system  eks-pod-identity-agent-x2k4p  0/1  ImagePullBackOff  0  5m",
        'Error creating: pods "eks-pod-identity-agent-x2k4p" is forbidden: violates PodSecurity "restricted:latest"',
    ],
)
def test_a_text_that_names_the_agent_is_sure(text: str) -> None:
    assert certainty(text) is Certainty.SURE


@pytest.mark.parametrize("piece", ["bind: permission denied", "connection refused", "has an invalid host"])
def test_a_piece_without_the_words_of_pod_identity_decides_nothing(piece: str) -> None:
    assert certainty(piece) is not Certainty.SURE


def test_the_degraded_add_on_of_several() -> None:
    rows = '{"addonName": "vpc-cni", "status": "DEGRADED"}, {"addonName": "eks-pod-identity-agent", "status": "ACTIVE"}'
    assert certainty(rows) in (None, Certainty.POSSIBLE)
    assert certainty(rows.replace("ACTIVE", "DEGRADED").replace("DEGRADED", "ACTIVE", 1)) is Certainty.LIKELY
