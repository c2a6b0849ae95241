"""Error texts as people post them, and texts of other things. The first answer is what counts; an unrelated text has no
sure one."""

from harness import table
from podid.domain.errors import ExitCode, NotFound
from podid.ops.errortext import Certainty
from podid.ops.explain import explain

UNAUTHORIZED = "Unauthorized Exception! EKS does not have permissions to assume the associated role."
BOTO = (
    "botocore.exceptions.CredentialRetrievalError: Error when retrieving credentials from container-role: "
    "Error retrieving metadata: "
)
FETCH = (
    "Error fetching credentials: error getting credentials to cache: unable to fetch credentials from EKS Auth: "
    "operation error EKS Auth: AssumeRoleForPodIdentity, "
)
POD = "arn:aws:sts::111122223333:assumed-role/orders/eks-demo-orders-5d-0a1b2c"
NODE = "arn:aws:sts::111122223333:assumed-role/nodes/i-0a1b2c3d4e5f60718"

TEXTS = [
    # link 9
    (f"{BOTO}Received non 200 response 400 from container metadata: [1f]: (AccessDeniedException): {UNAUTHORIZED}, fault: client", "trust-missing-tag-session"),
    (f"failed to refresh cached credentials, failed to load credentials, {UNAUTHORIZED}, fault: client", "trust-missing-tag-session"),
    ("failed to refresh cached credentials, no EC2 IMDS role found; earlier: AccessDeniedException: Unauthorized Exception! EKS does not have permissions to assume the associated role", "trust-missing-tag-session"),
    ("Unauthorized Exception! EKS does not have permissions to ass...", "trust-missing-tag-session"),
    ("Unauthor\nized Exception! EKS does not have permissions to\n assume the asso\nciated role.", "trust-missing-tag-session"),
    ("`Unauthorized Exception! EKS does not have permissions to assume the associated role.`", "trust-missing-tag-session"),
    ("│ Error: creating EKS Pod Identity Association (x): operation error EKS: CreatePodIdentityAssociation,\n│ InvalidParameterException: Trust policy of the role\n│ provided is invalid.\n╵", "trust-missing-tag-session"),
    ("\x1b[31mError:\x1b[0m creating: InvalidParameterException: Role provided in the request does not exist.", "role-eventual-consistency"),
    ("InvalidParameterException: Cross-account pass role is not allowed.", "cross-account-role-arn"),
    ("AccessDeniedException: User: arn:aws:iam::1:user/ci is not authorized to perform: iam:PassRole on resource: arn:aws:iam::1:role/x (CreatePodIdentityAssociation)", "passrole-denied"),
    ("ResourceInUseException: Association already exists: a-abcdefgh12345678", "duplicate-association"),
    # link 4
    ('Ignoring, HTTP credential provider invalid endpoint host, "169.254.170.23", only loopback hosts are allowed. <nil>', "sdk-too-old"),
    ('panic: invalid endpoint host, "169.254.170.23", only loopback hosts are allowed', "sdk-too-old"),
    ("CredentialsProviderError: 169.254.170.23 is not a valid container metadata service hostname", "sdk-too-old"),
    ("ValueError: Unsupported host '169.254.170.23'.  Can only retrieve metadata from these hosts: 169.254.170.2, localhost, 127.0.0.1", "sdk-too-old"),
    ("The full URI (http://169.254.170.23/v1/credentials) has an invalid host. Host should resolve to a loopback address or have the full URI be HTTPS.", "sdk-too-old"),
    ("Uri 'http://169.254.170.23/v1/credentials' contains an unsupported host.", "sdk-too-old"),
    ("The container credentials full URI (http://169.254.170.23/v1/credentials) has an invalid host. Host can only be one of [127.0.0.1, [::1]]", "sdk-too-old"),
    ("host 169.254.170.23 is not a loopback address", "sdk-too-old"),
    ("Error fetching credentials: Service account token cannot be empty", "sdk-too-old"),
    ("The full URI (http://[fd00:ec2::23]/v1/credentials) contained withing environment variable AWS_CONTAINER_CREDENTIALS_FULL_URI has an invalid host. Host should resolve to a loopback address", "java-ipv6-host-rejected"),
    ("Service account token cannot be parsed: token is malformed: could not base64 decode header: illegal base64 data at input byte 6", "bearer-token-prefix"),
    ("Service account token cannot be parsed: token contains an invalid number of segments", "custom-credential-chain"),
    ("Required AWS_ACCESS_KEY_ID environment variable missing", "custom-credential-chain"),
    ("An error occurred (AccessDenied) when calling the AssumeRoleWithWebIdentity operation: Not authorized to perform sts:AssumeRoleWithWebIdentity", "irsa-env-still-active"),
    ("open /var/run/secrets/pods.eks.amazonaws.com/serviceaccount/eks-pod-identity-token: permission denied", "token-file-unreadable"),
    ("Auth token value is not a legal header value", "token-file-unreadable"),
    ("cluster-secret-store  expected env variable: AWS_WEB_IDENTITY_TOKEN_FILE not found on controller's pod", "product-still-in-irsa-mode"),
    ("unable to create session: an IAM role must be associated with service account app (namespace: shop)", "product-still-in-irsa-mode"),
    # no credentials at all, with a word of Pod Identity
    ("Unable to load credentials from any of the providers in the chain AwsCredentialsProviderChain(): ContainerCredentialsProvider(): Cannot fetch credentials from container - neither AWS_CONTAINER_CREDENTIALS_FULL_URI or AWS_CONTAINER_CREDENTIALS_RELATIVE_URI environment variables are set.", "pod-predates-association"),
    ("EKS Pod Identity: NoCredentialProviders: no valid providers in chain. Deprecated.", "pod-predates-association"),
    ("Unable to locate credentials. You can configure credentials by running \"aws configure\". (pod identity association exists)", "pod-predates-association"),
    ("CredentialsProviderError: Could not load credentials from any providers, pod-identity", "pod-predates-association"),
    # links 5 and 6
    ("Error: connect ECONNREFUSED 169.254.170.23:80", "agent-not-installed"),
    ('Get "http://169.254.170.23/v1/credentials": dial tcp 169.254.170.23:80: connect: connection refused', "agent-not-installed"),
    (f'{BOTO}Received error when attempting to retrieve container metadata: Connect timeout on endpoint URL: "http://169.254.170.23/v1/credentials"', "networkpolicy-blocks-agent"),
    ("dial tcp 169.254.170.23:80: i/o timeout", "networkpolicy-blocks-agent"),
    (f'{BOTO}Received error when attempting to retrieve container metadata: Read timeout on endpoint URL: "http://169.254.170.23/v1/credentials"', "agent-timeout-context-canceled"),
    ('Get "http://169.254.170.23/v1/credentials": context deadline exceeded (Client.Timeout exceeded while awaiting headers)', "agent-timeout-context-canceled"),
    ("shop/orders-1:41234 (ID:1234) <> 169.254.170.23:80 (ID:16777217) policy-verdict:none EGRESS DENIED (TCP Flags: SYN)", "networkpolicy-blocks-agent"),
    ("shop/orders-1:41234 <> 169.254.170.23:80 (host) Policy denied DROPPED (TCP Flags: SYN)", "cilium-host-entity"),
    ("getaddrinfo ENOTFOUND [fd00:ec2::23]", "ipv6-uri-on-ipv4-pods"),
    ('Get "http://[fd00:ec2::23]/v1/credentials": dial tcp [fd00:ec2::23]:80: connect: network is unreachable', "ipv6-uri-on-ipv4-pods"),
    ("Access Denied. Called agent through invalid address, please use either http://169.254.170.23", "service-mesh-intercepts"),
    (f"{BOTO}Received non 200 response 407 from container metadata", "pod-proxy-missing-no-proxy"),
    ("Unable to start server: listen tcp [fd00:ec2::23]:80: bind: cannot assign requested address", "agent-ipv6-bind"),
    ("listen tcp 169.254.170.23:80: bind: address already in use", "agent-port80-conflict"),
    ("eks-pod-identity-agent-x2: 0/3 nodes are available: 1 node(s) didn't have free ports for the requested pod ports", "agent-port80-conflict"),
    ("listen tcp 127.0.0.1:2703: bind: address already in use", "agent-probe-port-conflict"),
    ('{"level":"warning","msg":"Failed probe: unexpected status code recieved, expected 404, got 503"}', "agent-probe-port-conflict"),
    ("Readiness probe failed: Get http://localhost:2703/readyz: context deadline exceeded", "agent-pod-unhealthy"),
    ("Warning BackOff pod/eks-pod-identity-agent-7k Back-off restarting failed container eks-pod-identity-agent", "agent-pod-unhealthy"),
    ('Failed to pull image "602401143452.dkr.ecr.us-west-2.amazonaws.com/eks/eks-pod-identity-agent:v0.1.10": ErrImagePull', "agent-image-pull"),
    ('pods "eks-pod-identity-agent-" is forbidden: violates PodSecurity "restricted:latest": host namespaces', "admission-policy-blocks-agent"),
    ("waiting for EKS Add-On (demo:eks-pod-identity-agent) create: timeout while waiting for state to become 'ACTIVE' (last state: 'DEGRADED', timeout: 20m0s)", "addon-degraded-or-failed"),
    ("ConfigurationConflict: Conflicts found when trying to apply. DaemonSet.apps eks-pod-identity-agent", "addon-config-conflict"),
    ('Error: the "eks-pod-identity-agent" addon must be installed to create pod identity associations', "agent-not-installed"),
    ("ConfigurationValue provided in request is not supported: Json schema validation failed with error", "addon-config-schema-invalid"),
    ("FailedMount hostPath type check failed: /etc/pki/tls/certs/ca-bundle.crt is not a file", "iso-partition-ca-bundle"),
    ("no such file or directory: /eks-hybrid/.aws", "hybrid-daemonset-missing"),
    ("expected route 169.254.170.23/32 to be interface index 5, please remove route and try again", "stale-link-or-route"),
    # links 7 and 8
    (f"{FETCH}https response error StatusCode: 0, RequestID: , canceled, context canceled", "agent-timeout-context-canceled"),
    (f"{FETCH}https response error StatusCode: 0, RequestID: , request send failed, dial tcp: lookup eks-auth.eu-west-1.api.aws: no such host", "eks-auth-unreachable"),
    (f"{FETCH}https response error StatusCode: 0, RequestID: , dial tcp 10.0.1.2:443: i/o timeout eks-auth.eu-west-1.api.aws", "eks-auth-unreachable"),
    (f"{FETCH}AccessDeniedException: User: {NODE} is not authorized to perform: eks-auth:AssumeRoleForPodIdentity on resource: arn:aws:eks:us-west-2:1:cluster/demo because no identity-based policy allows the action", "node-role-missing-eks-auth"),
    ("is not authorized to perform: eks-auth:AssumeRoleForPodIdentity on resource: arn:aws:eks:x with an explicit deny in a service control policy", "scp-denies-eks-auth"),
    (f"Removing credentials from cache, got non recoverable error: {FETCH}https response error StatusCode: 400, RequestID: 3c, ExpiredTokenException: The token included in the request is expired", "agent-expired-token-noise"),
    (f"Removing credentials from cache, got non recoverable error: {FETCH}https response error StatusCode: 404, ResourceNotFoundException: no", "association-missing"),
    ("ResourceNotFoundException: The token included in the request has no service account role association for it.", "association-missing"),
    ("Rate limited! Will try to keep creds locally", "eks-auth-throttled"),
    ("ResourceNotFoundException: No cluster found for name: EKS_CLUSTER_NAME.", "self-managed-cluster-name-wrong"),
    (f"{FETCH}failed to refresh cached credentials, no EC2 IMDS role found, operation error ec2imds: GetMetadata", "agent-imds-unavailable"),
    ("Service account token failed basic claim validations: token is not valid yet", "node-clock-skew"),
    ("x509: certificate is valid for vpce-0a.eks-auth.us-west-2.vpce.amazonaws.com, not eks-auth.us-west-2.api.aws", "custom-eks-auth-endpoint"),
    # link 10, and the wrong identity
    (f"AccessDenied: User: {NODE} is not authorized to perform: s3:ListBucket on resource: arn:aws:s3:::b", "imds-fallback-node-role"),
    ("User: arn:aws:sts::XXXX:assumed-role/nodes/i-XXXX is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::XXXX:role/app", "imds-fallback-node-role"),
    ("User: arn:aws:sts::***:assumed-role/nodes/<i-redacted> is not authorized to perform: dynamodb:GetItem", "imds-fallback-node-role"),
    ("failed to refresh cached credentials, no EC2 IMDS role found, operation error ec2imds: GetMetadata, request canceled, context deadline exceeded", "pod-predates-association"),
    (f"User: {POD} is not authorized to perform: s3:PutObject on resource: arn:aws:s3:::b because no identity-based policy allows the s3:PutObject action", "role-no-permissions"),
    (f"User: {POD} is not authorized to perform: s3:PutObject because no session policy allows the s3:PutObject action", "session-policy-misconfig"),
    (f"User: {POD} is not authorized to perform: s3:PutObject because no permissions boundary allows the s3:PutObject action", "permissions-boundary-denies"),
    (f"User: {POD} is not authorized to perform: sts:TagSession on resource: arn:aws:iam::2:role/other", "chained-assume-missing-tag-session"),
    ("User: arn:aws:sts::1:assumed-role/dns/1675610660182694283 is not authorized to perform:\nsts:AssumeRole on resource: \narn:aws:iam::1:role/dns", "app-assumes-own-role"),
    (f"User: {POD} is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::111122223333:role/orders", "app-assumes-own-role"),
    (f"User: {POD} is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::111122223333:role/orders-db", "role-no-permissions"),
    ("PackedPolicyTooLarge: Packed size of session tags consumes 112% of allotted space.", "packed-policy-too-large"),
    ("org.apache.kafka.common.errors.SaslAuthenticationException: Cannot change principals during re-authentication from IAM.arn", "session-name-changed"),
    ("failed to get VPC ID: failed to fetch VPC ID from instance metadata: error in fetching vpc id through ec2 metadata", "imds-metadata-dependency"),
    ("failed to introspect region from EC2Metadata, specify --aws-region instead", "imds-metadata-dependency"),
    # link 3
    ('failed calling webhook "iam-for-pods.amazonaws.com": expected webhook response of admission.k8s.io/v1', "webhook-config-altered"),
    ("rpc error: code = Unknown desc = csi.storage.k8s.io/serviceAccount.tokens not provided", "csi-driver-tokenrequest-missing"),
    ('token for audience "pods.eks.amazonaws.com" not found', "csi-driver-tokenrequest-missing"),
    # add-ons
    ("InvalidParameterException: Pod Identity feature is not supported for addon version: v1.2.3", "addon-pod-identity-unsupported"),
]  # fmt: skip

UNRELATED = [
    "ImagePullBackOff",
    'Back-off pulling image "nginx:latest": ErrImagePull',
    "Liveness probe failed: HTTP probe failed with statuscode: 500",
    "Readiness probe failed: dial tcp 10.0.3.4:8080: connect: connection refused",
    "ThrottlingException: Rate exceeded",
    "An error occurred (ThrottlingException) when calling the PutLogEvents operation: Rate exceeded",
    "NoCredentialProviders: no valid providers in chain. Deprecated.",
    "failed to refresh cached credentials, static credentials are empty",
    "error parsing config: yaml: line 12: did not find expected key: cannot be parsed",
    "OOMKilled exit code 137",
    "CrashLoopBackOff",
    'pods is forbidden: User "system:serviceaccount:monitoring:prom" cannot list resource "pods" in API group ""',
    "psql: error: connection to server failed: Connection timed out",
    "dial tcp 10.100.0.1:443: i/o timeout",
    "x509: certificate signed by unknown authority",
    "Error: Unauthorized",
    "0/3 nodes are available: 3 Insufficient cpu.",
    "0/3 nodes are available: 1 node(s) didn't have free ports for the requested pod ports.",
    "listen tcp 0.0.0.0:80: bind: address already in use",
    "ResourceInUseException: Attempt to change a resource which is still in use: Table already exists: orders",
    "Signature expired: 20261124T101010Z is now earlier than 20261124T120000Z",
    "FailedScheduling: pod has unbound immediate PersistentVolumeClaims",
    "azure.BearerAuthorizer#WithAuthorization: Failed to refresh the Token: aad-pod-identity nmi: 403",
    "google.auth.exceptions.TransportError: http://metadata.google.internal timeout",
    "Too Many Requests",
    'violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false (container "web")',
    "Error: INSTALLATION FAILED: cannot re-use a name that is still in use",
    "error: error validating data: unknown field spec.replica",
    "upstream connect error or disconnect/reset before headers. reset reason: connection timeout",
    "java.lang.OutOfMemoryError: Java heap space",
    "exec /app/run: exec format error",
    "MountVolume.SetUp failed for volume kube-api-access: object kube-root-ca.crt not registered",
    "Error acquiring the state lock: ConditionalCheckFailedException",
    "the server could not find the requested resource",
    "connection refused",
    "Access denied for user 'root'@'10.0.1.2' (using password: YES)",
    "fatal: unable to access 'https://github.com/x/y/': Could not resolve host: github.com",
    "InvalidClientTokenId: The security token included in the request is invalid.",
]


@table(("text", "first"), TEXTS)
def test_the_first_answer_is_right(text: str, first: str) -> None:
    found = explain(text)
    assert (found.matches[0].id, found.exit_code) == (first, ExitCode.OK), [match.id for match in found.matches]


@table("text", UNRELATED)
def test_an_unrelated_text_gets_no_sure_answer(text: str) -> None:
    try:
        found = explain(text)
    except NotFound:
        return
    assert (found.certainty, found.exit_code) == (Certainty.POSSIBLE, ExitCode.NOT_FOUND), found.matches[0].id


@table(("text", "first"), TEXTS[::4])
@table(
    "shape",
    [
        lambda text: '{"level":"error","msg":"' + text.replace('"', '\\"').replace("\n", "\\n") + '"}',
        lambda text: "\n".join(f"│ {text[at : at + 37]}" for at in range(0, len(text), 37)),
        lambda text: f"2026-11-24T10:00:00Z \x1b[31mERROR\x1b[0m > {text.upper()}",
        lambda text: text.replace("'", "’").replace('"', "“"),
        lambda text: "\n".join([f'{{"level":"info","msg":"request from 10.0.0.{n}:80"}}' for n in range(90)] + [text]),
    ],
)  # fmt: skip
def test_the_shape_of_a_text_does_not_matter(text: str, first: str, shape: object) -> None:
    assert callable(shape)
    assert explain(shape(text)).matches[0].id == first


def test_a_log_is_counted() -> None:
    expired = (
        f"Removing credentials from cache, got non recoverable error: {FETCH}ExpiredTokenException: expired at 10:0"
    )
    log = [f'{{"msg":"{expired}{n}"}}' for n in range(30)] + [f'{{"msg":"{FETCH}{UNAUTHORIZED}"}}'] * 12
    found = {match.id: match.count for match in explain("\n".join(log)).matches}
    assert found["agent-expired-token-noise"] == 30
    assert found["trust-missing-tag-session"] == 12
    assert explain("\n".join(log)).matches[0].id == "trust-missing-tag-session"
