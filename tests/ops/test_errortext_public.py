"""Error texts as they stand in public issues of EKS, its add-ons, SDKs and tools, shortened and with other names: the first answer is what counts.
Then texts of other troubles with Kubernetes and AWS, to which there must be no sure answer."""

from harness import table
from podid.domain.errors import ExitCode, NotFound
from podid.ops.errortext import Certainty
from podid.ops.explain import explain

PUBLIC = [
    (
        'E1214 16:38:22.116057 1 driver.go:125] "GRPC error" err=< rpc error: code = Internal desc = Could not create volume "pvc-fe9ed2a2": could not create volume in EC2: NoCredentialProviders: no valid providers in chain caused by: EnvAccessKeyNotFound: failed to find credentials in the environment. SharedCredsLoad: failed to load profile, . CredentialsEndpointError: invalid endpoint host, "169.254.170.23", only loopback hosts are allowed.',
        "sdk-too-old",
    ),
    (
        '2026/02/03 16:19:21 Ignoring, HTTP credential provider invalid endpoint host, "169.254.170.23", only loopback hosts are allowed. <nil>',
        "sdk-too-old",
    ),
    (
        "[Nest] 22 - 01/14/2024, 5:21:05 AM ERROR [ExceptionsHandler] 169.254.170.23 is not a valid container metadata service hostname │\n│ CredentialsProviderError: 169.254.170.23 is not a valid container metadata service hostname │\n│ at getCmdsUri (/app/node_modules/@smithy/credential-provider-imds/dist-cjs/fromContainerMetadata.js:57:19)",
        "sdk-too-old",
    ),
    (
        "Caused by: com.amazonaws.SdkClientException: The full URI (http://169.254.170.23/v1/credentials) contained withing environment variable AWS_CONTAINER_CREDENTIALS_FULL_URI has an invalid host. Host can only be one of [localhost, 127.0.0.1]",
        "sdk-too-old",
    ),
    (
        '"error.stack_trace":"org.elasticsearch.repositories.RepositoryVerificationException: [bucket] path  is not accessible on master node\\nCaused by: com.amazonaws.SdkClientException: The full URI (http://169.254.170.23/v1/credentials) contained withing environment variable AWS_CONTAINER_CREDENTIALS_FULL_URI has an invalid host. Host can only be one of [localhost, 127.0.0.1]"',
        "sdk-too-old",
    ),
    (
        'level=fatal msg="unable to create AWS provider: Ignoring, HTTP credential provider invalid endpoint host, \\"169.254.170.23\\", only loopback hosts are allowed"',
        "sdk-too-old",
    ),
    (
        "aws.credentials: ValueError: Unsupported host '169.254.170.23'. Can only retrieve metadata from these hosts: 169.254.170.2, localhost, 127.0.0.1",
        "sdk-too-old",
    ),
    (
        "PHP Fatal error:  Uncaught Aws\\Exception\\CredentialsException: Uri 'http://169.254.170.23/v1/credentials' contains an unsupported host.",
        "sdk-too-old",
    ),
    (
        "io.minio.errors.ProviderException: /v1/credentials is not loopback only host: 169.254.170.23 is not loopback only host",
        "sdk-too-old",
    ),
    (
        "failed to refresh cached credentials, failed to load credentials,\nUnauthorized Exception! EKS does not have permissions to assume the associated role., fault: client",
        "trust-missing-tag-session",
    ),
    (
        '{"client-addr":"10.0.1.4:36642","cluster-name":"dev","level":"error","msg":"Error fetching credentials: error getting credentials to cache: unable to fetch credentials from EKS Auth: operation error EKS Auth: AssumeRoleForPodIdentity, https response error StatusCode: 400, RequestID: 3c5a77b1, AccessDeniedException: Unauthorized Exception! EKS does not have permissions to assume the associated role."}',
        "trust-missing-tag-session",
    ),
    (
        'Resource handler returned message: "Trust policy of the role provided is invalid. Follow the official documentation to resolve the issue. (Service: AWSWesleyFrontend; Status Code: 400; Request ID: x; Proxy: null)"',
        "trust-missing-tag-session",
    ),
    (
        "Error: creating EKS Pod Identity Association: operation error EKS: CreatePodIdentityAssociation, https response error StatusCode: 400, RequestID: x, InvalidParameterException: Role provided in the request does not exist.",
        "role-eventual-consistency",
    ),
    (
        'async create failed: resource creation call returned error diags: creating Amazon EKS (Elastic Kubernetes) Pod Identity Association ("a-stubassocid123456"): operation error EKS: CreatePodIdentityAssociation, https response error StatusCode: 409, RequestID: f9cb61ba, ResourceInUseException: Association already exists: a-dt1bedfjc72dlwp5n',
        "duplicate-association",
    ),
    (
        'Error: creating pod identity association for service account "test" in namespace "kube-system": operation error EKS: CreatePodIdentityAssociation, https response error StatusCode: 409, RequestID: <redacted>, ResourceInUseException: Association already exists: <redacted>',
        "duplicate-association",
    ),
    (
        "ResourceNotFoundException: The token included in the request has no service account role association for it.",
        "association-missing",
    ),
    (
        "An error occurred (ResourceLimitExceededException) when calling the CreatePodIdentityAssociation operation: You have reached the maximum number of pod identity associations",
        "association-quota",
    ),
    (
        "Error: creating EKS Pod Identity Association: operation error EKS: CreatePodIdentityAssociation, https response error StatusCode: 403, RequestID: x, api error AccessDeniedException: User: arn:aws:sts::111122223333:assumed-role/ci/GitHub is not authorized to perform: iam:PassRole on resource: arn:aws:iam::111122223333:role/orders",
        "passrole-denied",
    ),
    ("InvalidParameterException: Cross-account pass role is not allowed.", "cross-account-role-arn"),
    (
        "updating EKS Add-On (dev:cert-manager): operation error EKS: UpdateAddon, https response error StatusCode: 400, RequestID: REDACTED, InvalidParameterException: Pod Identity feature is not supported for addon version: v1.18.2-eksbuild.2",
        "addon-pod-identity-unsupported",
    ),
    (
        "InvalidParameterException: Service account amazon-cloudwatch in pod identity configuration is not supported for addon amazon-cloudwatch-observability",
        "addon-pod-identity-unsupported",
    ),
    (
        'Error: the "eks-pod-identity-agent" addon must be installed to create pod identity associations; please enable it using `eksctl create addon`',
        "agent-not-installed",
    ),
    (
        "│ Error: waiting for EKS Add-On (demo:eks-pod-identity-agent) create: timeout while waiting for state to become 'ACTIVE' (last state: 'DEGRADED', timeout: 20m0s)",
        "addon-degraded-or-failed",
    ),
    (
        "InsufficientNumberOfReplicas: The add-on is unhealthy because it doesn't have the desired number of replicas. [eks-pod-identity-agent]",
        "addon-degraded-or-failed",
    ),
    (
        "eks-pod-identity-agent CREATE_FAILED ConfigurationConflict Conflicts found when trying to apply. Will not continue due to resolve conflicts mode. Conflicts: DaemonSet.apps eks-pod-identity-agent",
        "addon-config-conflict",
    ),
    (
        "ConfigurationValue provided in request is not supported: Json schema validation failed with error: [$.daemonset: is not defined in the schema and the schema does not allow additional properties]",
        "addon-config-schema-invalid",
    ),
    (
        'stdout F {"client-addr":"127.0.0.1:35778","level":"warning","msg":"Failed probe: unexpected status code recieved, expected 404, got 503","time":"2024-10-07T12:13:53Z"}',
        "agent-probe-port-conflict",
    ),
    (
        '{"level":"fatal","msg":"Unable to start server: listen tcp [fd00:ec2::23]:80: bind: cannot assign requested address","time":"2024-06-10T12:13:53Z"}',
        "agent-ipv6-bind",
    ),
    ("Unable to start server: listen tcp 127.0.0.1:2703: bind: address already in use", "agent-probe-port-conflict"),
    (
        "Warning FailedScheduling default-scheduler 0/12 nodes are available: 1 node(s) didn't have free ports for the requested pod ports. preemption: not eligible: eks-pod-identity-agent-8vxkk",
        "agent-port80-conflict",
    ),
    (
        "Removing credentials from cache, got non recoverable error: error getting credentials to cache: unable to fetch credentials from EKS Auth: operation error EKS Auth: AssumeRoleForPodIdentity, https response error StatusCode: 400, RequestID: 3c5a, ExpiredTokenException: The token included in the request is expired: current date/time 2025-07-06T07:02:09Z must be before the expiration date/time 2025-07-06T04:16:18Z.",
        "agent-expired-token-noise",
    ),
    (
        '{"level":"error","msg":"Error fetching credentials: error getting credentials to cache: unable to fetch credentials from EKS Auth: operation error EKS Auth: AssumeRoleForPodIdentity, https response error StatusCode: 0, RequestID: , canceled, context canceled","service":"EKS Auth"}',
        "agent-timeout-context-canceled",
    ),
    (
        'W0527 16:24:25.831530 1 pod_identity_credential_provider.go:142] IPv4 endpoint attempt failed: HTTP request to pod identity agent failed: Get "http://169.254.170.23/v1/credentials": context deadline exceeded (Client.Timeout exceeded while awaiting headers)',
        "agent-timeout-context-canceled",
    ),
    (
        'operation error EKS Auth: AssumeRoleForPodIdentity, https response error StatusCode: 0, RequestID: , request send failed, Post "https://eks-auth.eu-west-1.api.aws/clusters/prod/assume-role-for-pod-identity": dial tcp: lookup eks-auth.eu-west-1.api.aws on 10.0.0.2:53: no such host',
        "eks-auth-unreachable",
    ),
    (
        'Post "https://eks-auth.us-east-1.api.aws/clusters/x/assume-role-for-pod-identity": dial tcp 10.2.3.4:443: i/o timeout',
        "eks-auth-unreachable",
    ),
    (
        "unable to fetch credentials from EKS Auth: operation error EKS Auth: AssumeRoleForPodIdentity, exceeded maximum number of attempts, 3, https response error StatusCode: 429, RequestID: x, ThrottlingException: Rate exceeded",
        "eks-auth-throttled",
    ),
    (
        "unable to fetch credentials from EKS Auth: operation error EKS Auth: AssumeRoleForPodIdentity, get identity: get credentials: failed to refresh cached credentials, no EC2 IMDS role found, operation error ec2imds: GetMetadata",
        "agent-imds-unavailable",
    ),
    (
        "AccessDeniedException: User: arn:aws:sts::111122223333:assumed-role/KarpenterNodeRole-x/i-XXXXXXXX is not authorized to perform: eks-auth:AssumeRoleForPodIdentity on resource: arn:aws:eks:eu-west-1:111122223333:cluster/x because no identity-based policy allows the eks-auth:AssumeRoleForPodIdentity action",
        "node-role-missing-eks-auth",
    ),
    (
        "expected route {Ifindex: 41 Dst: 169.254.170.23/32} to be interface index 40, please remove route and try again",
        "stale-link-or-route",
    ),
    (
        'Failed to pull image "602401143452.dkr.ecr.us-west-2.amazonaws.com/eks/eks-pod-identity-agent:0.1.10": failed to resolve reference: unexpected status from HEAD request: 403 Forbidden',
        "agent-image-pull",
    ),
    (
        'Error creating: pods "eks-pod-identity-agent-" is forbidden: violates PodSecurity "restricted:latest": host namespaces (hostNetwork=true), privileged',
        "admission-policy-blocks-agent",
    ),
    (
        'MountVolume.SetUp failed for volume "eks-hybrid" : hostPath type check failed: /eks-hybrid/.aws is not a directory',
        "hybrid-daemonset-missing",
    ),
    (
        'botocore.exceptions.CredentialRetrievalError: Error when retrieving credentials from container-role: Error retrieving metadata: Received error when attempting to retrieve container metadata: Connect timeout on endpoint URL: "http://169.254.170.23/v1/credentials"',
        "networkpolicy-blocks-agent",
    ),
    (
        'failed to refresh cached credentials, failed to load credentials, : Get "http://169.254.170.23/v1/credentials": dial tcp 169.254.170.23:80: connect: connection refused',
        "agent-not-installed",
    ),
    (
        "[2024-06-27 03:40:49.620][22][debug][aws] Getting AWS credentials from the task role at URI: http://169.254.170.23/v1/credentials\nCould not fetch AWS metadata: HTTP response code said error",
        "service-mesh-intercepts",
    ),
    ("CredentialsProviderError: getaddrinfo ENOTFOUND [fd00:ec2::23]", "ipv6-uri-on-ipv4-pods"),
    (
        "Error: connect ETIMEDOUT 169.254.170.23:80\n    at TCPConnectWrap.afterConnect [as oncomplete] (node:net:1555:16)",
        "networkpolicy-blocks-agent",
    ),
    (
        "xx drop (Policy denied) flow 0x0 to endpoint 0, identity 21458->host: 10.0.1.5:52100 -> 169.254.170.23:80 tcp SYN",
        "cilium-host-entity",
    ),
    (
        'MountVolume.SetUp failed for volume "secrets-store-inline" : rpc error: code = Unknown desc = failed to mount secrets store objects for pod default/app, err: rpc error: code = Unknown desc = us-east-1: An IAM role must be associated with service account demo-app-pod-sa (namespace: default)',
        "product-still-in-irsa-mode",
    ),
    (
        'rpc error: code = Unknown desc = eu-west-1: failed to get AWS config: CSI token for audience "pods.eks.amazonaws.com" not found in serviceAccount.tokens',
        "csi-driver-tokenrequest-missing",
    ),
    (
        "error instantiating route53 challenge solver: unable to assume role: AccessDenied: User: arn:aws:sts::012345679012:assumed-role/cert-manager/eks-prod-cert-manag-0a1b is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::012345679012:role/cert-manager",
        "app-assumes-own-role",
    ),
    (
        '{"level":"error","ts":"2024-11-07T09:15:49Z","logger":"setup","msg":"unable to initialize AWS cloud","error":"failed to get VPC ID: failed to fetch VPC ID from instance metadata: error in fetching vpc id through ec2 metadata: get mac metadata: operation error ec2imds: GetMetadata, canceled, context deadline exceeded"}',
        "imds-metadata-dependency",
    ),
    (
        "failed to introspect vpcID from EC2Metadata or Node name, specify --aws-vpc-id instead if EC2Metadata is unavailable: failed to fetch VPC ID from instance metadata: EC2MetadataError: failed to make EC2Metadata request",
        "imds-metadata-dependency",
    ),
    (
        "operation error Elastic Load Balancing v2: DescribeLoadBalancers, get identity: get credentials: failed to refresh cached credentials, no EC2 IMDS role found, operation error ec2imds: GetMetadata, canceled, context deadline exceeded (pod identity)",
        "pod-predates-association",
    ),
    (
        "Could not assume role in target account using current credentials User: arn:aws:sts::111122223333:assumed-role/ci/eks-ci-runner-x-0a1b is not authorized to perform: sts:TagSession on resource: arn:aws:iam::444455556666:role/cdk-hnb659fds-lookup-role-444455556666-us-east-1",
        "chained-assume-missing-tag-session",
    ),
    (
        "AccessDenied: User: arn:aws:sts::111122223333:assumed-role/grafana/eks-mon-grafana-5d-0a1b2c is not authorized to perform: sts:TagSession on resource: arn:aws:iam::444455556666:role/GrafanaCloudWatch",
        "chained-assume-missing-tag-session",
    ),
    (
        "Could not assume role with user credentials: Packed size of session tags consumes 112% of allotted space.",
        "packed-policy-too-large",
    ),
    (
        "User: arn:aws:sts::111122223333:assumed-role/eks-nodes/i-0123456789abcdef0 is not authorized to perform: route53:ListHostedZones because no identity-based policy allows the route53:ListHostedZones action",
        "imds-fallback-node-role",
    ),
    (
        "api error AccessDenied: User: arn:aws:sts::111122223333:assumed-role/external-dns/eks-prod-external-d-9f7e is not authorized to perform: route53:ChangeResourceRecordSets",
        "role-no-permissions",
    ),
    (
        "AccessDenied: User: arn:aws:sts::1111:assumed-role/app/eks-prod-app-7 is not authorized to perform: s3:GetObject because no session policy allows the s3:GetObject action",
        "session-policy-misconfig",
    ),
    (
        "org.apache.kafka.common.errors.SaslAuthenticationException: [e1]: Cannot change principals during re-authentication from IAM.arn:aws:sts::1111:assumed-role/app/eks-a: to IAM.arn:aws:sts::1111:assumed-role/app/eks-b",
        "session-name-changed",
    ),
    (
        "Service account token cannot be parsed: token is malformed: could not base64 decode header: illegal base64 data at input byte 6",
        "bearer-token-prefix",
    ),
    (
        "WebIdentityErr: failed to retrieve credentials caused by: AccessDenied: Not authorized to perform sts:AssumeRoleWithWebIdentity (migrated to eks pod identity)",
        "irsa-env-still-active",
    ),
    (
        "software.amazon.awssdk.core.exception.SdkClientException: Unable to load credentials from any of the providers in the chain AwsCredentialsProviderChain: [... ContainerCredentialsProvider(): Cannot fetch credentials from container - neither AWS_CONTAINER_CREDENTIALS_FULL_URI or AWS_CONTAINER_CREDENTIALS_RELATIVE_URI environment variables are set., InstanceProfileCredentialsProvider(): Failed to load credentials from IMDS.]",
        "pod-predates-association",
    ),
    (
        'Internal error occurred: failed calling webhook "iam-for-pods.amazonaws.com": failed to call webhook: Post "https://127.0.0.1:23443/mutate?timeout=10s": context deadline exceeded',
        "webhook-config-altered",
    ),
    (
        "tls: failed to verify certificate: x509: certificate is valid for *.vpce-0a1b.eks-auth.eu-west-1.vpce.amazonaws.com, not eks-auth.eu-west-1.api.aws",
        "custom-eks-auth-endpoint",
    ),
    # the agent, asked by its own probe
    (
        '{"client-addr":"127.0.0.1:48922","level":"error","msg":"InternalServerError: Get \\"http://169.254.170.23:80\\": context canceled","time":"2024-10-15T12:03:16Z"}',
        "agent-pod-unhealthy",
    ),
    (
        'eks-pod-identity-agent-init: failed to create containerd task: OCI runtime create failed: exec: "/go-runner": stat /go-runner: no such file or directory: unknown',
        "agent-pod-unhealthy",
    ),
    (
        '{"level":"fatal","msg":"Unable to start server: listen tcp 169.254.170.23:80: bind: cannot assign requested address"}',
        "stale-link-or-route",
    ),
    (
        "unable to fetch credentials from EKS Auth: operation error EKS Auth: AssumeRoleForPodIdentity, failed to get rate limit token, retry quota exceeded, 4 available, 5 requested",
        "eks-auth-throttled",
    ),
    (
        "unable to fetch credentials from EKS Auth: operation error EKS Auth: AssumeRoleForPodIdentity, ResourceNotFoundException: No cluster found for name: prdo.",
        "self-managed-cluster-name-wrong",
    ),
    (
        'Post "https://eks-auth.eu-central-1.api.aws/": tls: failed to verify certificate: x509: certificate signed by unknown authority',
        "agent-proxy-misconfig",
    ),
    # the way to it, in other SDKs' words
    (
        'Error retrieving metadata: Received error when attempting to retrieve container metadata: Could not connect to the endpoint URL: "http://169.254.170.23/v1/credentials"',
        "agent-not-installed",
    ),
    ("Error: connect EHOSTUNREACH fd00:ec2::23:80", "ipv6-uri-on-ipv4-pods"),
    (
        'Get "http://169.254.170.23/v1/credentials": read tcp 10.0.4.2:51234->169.254.170.23:80: read: connection reset by peer',
        "service-mesh-intercepts",
    ),
    (
        'provider failed to provide credentials","provider":"EcsContainer","error":"Non-success status from HTTP credential provider: StatusCode(400)"',
        "trust-missing-tag-session",
    ),
    (
        "PermissionError: [Errno 13] Permission denied: '/var/run/secrets/pods.eks.amazonaws.com/serviceaccount/eks-pod-identity-token'",
        "token-file-unreadable",
    ),
    # products
    (
        "unable to construct route53 provider: empty credentials; perhaps you meant to enable ambient credentials?",
        "custom-credential-chain",
    ),
    (
        'MountVolume.SetUp failed for volume "s3-pv": Could not mount "b": Failed to create S3 client Caused by: Client error: No signing credentials available, see CRT debug logs',
        "product-still-in-irsa-mode",
    ),
    (
        "no permissions for [indices:data/write/bulk] and User [name=arn:aws:iam::XXX:role/eksctl-c1-nodegroup-ng-NodeInstanceRole-7GZZ, backend_roles=[arn:aws:iam::XXX:role/x]",
        "imds-fallback-node-role",
    ),
    (
        "AccessDeniedException: User: arn:aws:sts::1111:assumed-role/ci/AWSCodeBuild-c7 is not authorized to perform: eks:DeletePodIdentityAssociation on resource: arn:aws:eks:us-west-2:1111:podidentityassociation/e2e/a-1",
        "tool-aws-denied",
    ),
    (
        '"error": "error parsing SQS queue metadata: awsAccessKeyID not found"',
        "product-still-in-irsa-mode",
    ),
    (
        "unable to get ECS metadata authorization token, AWS_CONTAINER_AUTHORIZATION_TOKEN missing",
        "sdk-too-old",
    ),
    (
        "Error performing PUT http://169.254.169.254/latest/api/token: error sending request (EKS pod identity)",
        "imds-fallback-node-role",
    ),
    ("java.net.ConnectException: Connection refused at /169.254.170.23:80", "agent-not-installed"),
    # what Kubernetes says of any pod, said of the agent's
    ("exec /eks-pod-identity-agent: exec format error", "agent-pod-unhealthy"),
    (
        'Warning FailedCreate daemonset-controller Error creating: pods "eks-pod-identity-agent-x" is forbidden: exceeded quota: pods',
        "admission-policy-blocks-agent",
    ),
    (
        "Warning FailedScheduling pod/eks-pod-identity-agent-9z 0/8 nodes are available: 1 Too many pods. preemption: not eligible",
        "agent-not-on-node",
    ),
    (
        "unable to fetch credentials from EKS Auth: operation error EKS Auth: AssumeRoleForPodIdentity, https response error StatusCode: 400, InvalidTokenException: The OIDC token was invalid",
        "sa-recreated-token-invalid",
    ),
    (
        'MalformedPolicyDocument: Invalid principal in policy: "SERVICE":"pod.eks.amazonaws.com"',
        "trust-wrong-principal",
    ),
    (
        "ResourceInUseException: Pod identity association a-1 is owned by add-on vpc-cni; update the add-on instead",
        "addon-owned-association",
    ),
    # companions tell one cause of an error text from another
    ("pod on fargate: connect timeout http://169.254.170.23/v1/credentials", "fargate-pod"),
    ("pods with SecurityGroupPolicy cannot reach 169.254.170.23: timeout", "sg-for-pods-blocks-agent"),
    (
        "ns/app:51616 (ID:20596) <> 169.254.170.23:80 (world) FIB lookup failed DROPPED (TCP Flags: SYN)",
        "cilium-host-entity",
    ),
    (
        "EKS does not have permissions to assume the associated role; Condition ArnLike aws:SourceArn podidentityassociation/x",
        "trust-condition-never-matches",
    ),
    (
        "EKS does not have permissions to assume the associated role; principal is Federated oidc-provider",
        "trust-wrong-principal",
    ),
    # how people say it
    ("get-caller-identity returns the node instance role instead of the pod identity role", "imds-fallback-node-role"),
    (
        "changed the role of the pod identity association but pods still use the old role",
        "cached-credentials-after-change",
    ),
    ("where are the eks-pod-identity-agent logs on EKS Auto Mode?", "auto-mode-no-agent-logs"),
    ("kubectl debug container has no pod identity credentials", "ephemeral-debug-container-no-env"),
    ("aws-node CrashLoopBackOff, ipamd cannot get pod identity credentials", "cni-depends-on-agent"),
    # more of tools
    (
        "curl: (7) Failed to connect to 169.254.170.23 port 80 after 0 ms: Couldn't connect to server",
        "agent-not-installed",
    ),
    (
        "curl: (28) Failed to connect to 169.254.170.23 port 80 after 129800 ms: Couldn't connect to server",
        "networkpolicy-blocks-agent",
    ),
    (
        "User: pods.eks.amazonaws.com is not authorized to perform: sts:TagSession on resource: arn:aws:iam::1:role/app",
        "trust-missing-tag-session",
    ),
    (
        "get credentials: failed to refresh cached credentials, failed to load credentials, exceeded maximum number of attempts, 3",
        "agent-timeout-context-canceled",
    ),
    (
        "Get https://5E1D.gr7.us-west-2.eks.amazonaws.com/api: dial tcp 10.2.1.5:443: i/o timeout",
        "private-endpoint-unreachable",
    ),
    (
        "AccessDenied: User: arn:aws:sts::1:assumed-role/prometheus/169 is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::1:role/prometheus\\n\\tstatus code: 403",
        "app-assumes-own-role",
    ),
    (
        "operation error EKS Auth: AssumeRoleForPodIdentity, StatusCode: 503, ServiceUnavailableException",
        "eks-auth-unreachable",
    ),
    (
        "Unable to load credentials from any of the providers in the chain: [EnvironmentVariableCredentialsProvider(): Access key must be specified, ContainerCredentialsProvider(): Cannot fetch credentials from container - neither AWS_CONTAINER_CREDENTIALS_FULL_URI or AWS_CONTAINER_CREDENTIALS_RELATIVE_URI environment variables are set., InstanceProfileCredentialsProvider(): Failed to load credentials from IMDS.]",
        "pod-predates-association",
    ),
    ("AWS_CONTAINER_CREDENTIALS_FULL_URI must use a loopback address when using the http scheme.", "sdk-too-old"),
    (
        'DaemonSet "eks-pod-identity-agent" exists and cannot be imported into the current release',
        "addon-config-conflict",
    ),
]

UNRELATED = [
    "fargate task stopped: CannotPullContainerError: pull image manifest has been retried 5 time(s)",
    "istio-proxy: upstream connect error or disconnect/reset before headers. reset reason: overflow",
    'Failed to create pod sandbox: plugin type="aws-cni" failed (add): failed to assign an IP address to container',
    "terraform plan shows drift on aws_security_group every apply",
    "cilium: Policy denied DROPPED 10.0.1.2:443 -> 10.0.3.4:8080",
    "curl: (7) Failed to connect to localhost port 8080 after 0 ms: Couldn't connect to server",
    "NoSuchEntity: The role with name foo cannot be found.",
    "Error: timed out waiting for the condition on deployments/web",
    'namespaces "shop" not found',
    "squid: TCP_DENIED/403 CONNECT example.com:443",
    "exec /app/server: exec format error",
    "0/8 nodes are available: 8 Too many pods. preemption: No preemption victims found",
    "MalformedPolicyDocument: Syntax errors in policy.",
    "readiness probe failed: expected 404, got 503 from upstream",
    "Error: Could not assume role with OIDC: Not authorized to perform sts:AssumeRoleWithWebIdentity",
    'Error retrieving metadata: Received non 200 response (404) from ECS metadata: {"code":"InvalidIdInRequest","message":"CredentialsV2Request: Credentials not found"}',
    "git@github.com: Permission denied (publickey). fatal: Could not read from remote repository.",
    "Error: Error acquiring the state lock: ConditionalCheckFailedException: The conditional request failed",
    "read tcp 10.0.4.2:51234->10.0.9.9:6379: read: connection reset by peer",
    "User: arn:aws:sts::1:assumed-role/lambda-role/my-function is not authorized to perform: dynamodb:Query",
    "Error: INSTALLATION FAILED: cannot re-use a name that is still in use",
    "Back-off restarting failed container app in pod web-6d4cf56db6-x2x7k_default",
    "Warning FailedScheduling 0/3 nodes are available: 3 Insufficient cpu. preemption: 0/3 nodes are available",
    "Readiness probe failed: HTTP probe failed with statuscode: 503",
    "OOMKilled exit code 137",
    'Failed to pull image "nginx:lastest": rpc error: code = NotFound desc = failed to resolve reference "docker.io/library/nginx:lastest"',
    "dial tcp 10.100.0.1:443: i/o timeout",
    "dial tcp: lookup redis on 172.20.0.10:53: no such host",
    "x509: certificate signed by unknown authority",
    "Unable to attach or mount volumes: unmounted volumes=[data], unattached volumes=[data]: timed out waiting for the condition",
    'Multi-Attach error for volume "pvc-1" Volume is already used by pod(s) db-0',
    "An error occurred (ThrottlingException) when calling the DescribeInstances operation: Request limit exceeded.",
    "An error occurred (AccessDenied) when calling the ListBuckets operation: Access Denied",
    "An error occurred (ExpiredToken) when calling the GetObject operation: The provided token has expired.",
    "An error occurred (InvalidClientTokenId) when calling the GetCallerIdentity operation: The security token included in the request is invalid.",
    "Error: error configuring Terraform AWS Provider: no valid credential sources for Terraform AWS Provider found.",
    'Unable to locate credentials. You can configure credentials by running "aws configure".',
    "NoCredentialProviders: no valid providers in chain. Deprecated. For verbose messaging see aws.Config.CredentialsChainVerboseErrors",
    "ResourceNotFoundException: Requested resource not found: Table: orders not found",
    "ResourceInUseException: Table already exists: orders",
    "ResourceInUseException: Cluster already exists with name: prod",
    "ResourceLimitExceededException: The account-level service limit 'ml.g5.xlarge for endpoint usage' is 0 Instances",
    "InvalidParameterException: The following supplied instance types do not exist: [m9.large]",
    "Error: User: arn:aws:iam::***:user/deployer is not authorized to perform: sts:TagSession on resource: arn:aws:iam::***:role/devops",
    "aws-vault: error: exec: Failed to get credentials for admin: AccessDenied: User: arn:aws:iam::1:user/bob is not authorized to perform: sts:TagSession",
    "error creating http server: listen tcp 127.0.0.1:2579: bind: address already in use",
    "http listen and serve error: listen tcp :8085: bind: address already in use",
    "failed to listen on secure address: listen tcp 10.132.0.22:9100: bind: cannot assign requested address",
    "nginx: [emerg] bind() to 0.0.0.0:80 failed (98: Address already in use)",
    'admission webhook "validate.nginx.ingress.kubernetes.io" denied the request: host "a" and path "/" is already defined',
    'failed calling webhook "webhook.cert-manager.io": failed to call webhook: Post "https://cert-manager-webhook.cert-manager.svc:443/mutate": context deadline exceeded',
    "Failed to authenticate with Azure: ManagedIdentityCredential authentication failed: Identity not found (aad-pod-identity)",
    "error processing request: error fetching credentials: rpc error: code = Unknown desc = AccessDenied (kiam)",
    "googleapi: Error 403: Permission 'iam.serviceAccounts.getAccessToken' denied on resource, forbidden",
    'failed to mount secrets store objects for pod myns/mypod, err: error connecting to provider "aws": provider not found: provider "aws"',
    "PKIX path building failed: sun.security.provider.certpath.SunCertPathBuilderException: unable to find valid certification path",
    'pods "web" is forbidden: exceeded quota: compute, requested: cpu=2, used: cpu=9, limited: cpu=10',
    'Error from server (Forbidden): secrets is forbidden: User "system:serviceaccount:ci:runner" cannot list resource "secrets" in API group "" in the namespace "prod"',
    # Pod Identity is mentioned, but something else did not answer
    'Since the move to EKS Pod Identity the job fails: connection to server at "db.abc.rds.amazonaws.com" (10.0.3.12), port 5432 failed: Connection timed out',
    'we set up pod identity for velero, but restic logs: error="timed out waiting for all PodVolumeBackups to complete"',
    "With EKS Pod Identity the sink logs: Unable to execute HTTP request: Connect to my-bucket.s3.eu-west-1.amazonaws.com:443 failed: connect timed out",
    'With pod identity the job hangs: send request failed caused by: Put "https://cache.s3.amazonaws.com/a": dial tcp 52.216.1.1:443: i/o timeout',
    "Using Pod Identity credentials via fromHttp() Error: Could not login to registry 1.dkr.ecr.eu-west-1.amazonaws.com: no basic auth credentials",
]


@table(("text", "first"), PUBLIC)
def test_the_first_answer_is_right(text: str, first: str) -> None:
    found = explain(text)
    assert (found.matches[0].id, found.exit_code) == (first, ExitCode.OK), [match.id for match in found.matches]


@table("text", UNRELATED)
def test_other_troubles_get_no_sure_answer(text: str) -> None:
    try:
        found = explain(text)
    except NotFound:
        return
    assert (found.certainty, found.exit_code) == (Certainty.POSSIBLE, ExitCode.NOT_FOUND), found.matches[0].id
