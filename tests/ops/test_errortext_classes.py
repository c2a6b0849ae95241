"""Classes of error texts: what holds whatever the names in them are, however they are wrapped, and whoever says them.
The texts are from public pages, shortened; each has its source."""

import html
import json
from itertools import permutations

from harness import table
from ops.explained import answer
from podid.ops.errortext import Certainty
from podid.ops.explain import explain

GITHUB = "https://github.com/"
OWN = (
    "AccessDenied: User: arn:aws:sts::111122223333:assumed-role/dns/1675610660182694283 is not authorized to perform: "
    "sts:AssumeRole on resource: arn:aws:iam::111122223333:role/dns"
)
WORDS = OWN.split()
LONG = "eksctl-example-eks-demo1-addon-iamserviceaccoun-Role1-Q3CU3WQ83UKE"  # blanked out, and so longer than a name
EXPIRED = "The token included in the request is expired: current date/time 2024-02-10T08:38:55Z must be before"
CALL = "operation error EKS Auth: AssumeRoleForPodIdentity, https response error StatusCode: 403, RequestID: 3c5, "
REFUSED = (
    f"{CALL}AccessDeniedException: User: arn:aws:sts::111122223333:assumed-role/nodes/i-0a is not authorized to perform: "
    "eks-auth:AssumeRoleForPodIdentity on resource: arn:aws:eks:us-east-1:111122223333:cluster/prod "
)
X509 = "tls: failed to verify certificate: x509: certificate signed by unknown authority"
POD = "arn:aws:sts::1:assumed-role/orders/eks-demo-orders-5d-0a1b2c"
NODE = "User: arn:aws:sts::1:assumed-role/runner/i-025f0dcc0f33c1b93 is not authorized to perform: ssm:GetParameters"


@table("between", ["\n", "\\n", "\\\\n", "\r\n\t", " \n│ ", "\n> "])
def test_line_breaks_do_not_matter(between: str) -> None:
    for place in range(1, len(WORDS)):
        wrapped = between.join((" ".join(WORDS[:place]), " ".join(WORDS[place:])))
        assert answer(wrapped) == ("app-assumes-own-role", Certainty.SURE), wrapped


@table(
    "text",
    [
        OWN.replace("/dns", f"/{LONG}"),
        OWN.replace("sts:AssumeRole", "`sts:AssumeRole`"),
        OWN.replace("sts:AssumeRole", '\\"sts:AssumeRole\\"').replace("arn:aws:iam", '\\"arn:aws:iam'),
        OWN.replace("111122223333", "<ACCOUNT_ID>"),
        OWN.replace("iam::111122223333", "iam::1111xxxxxxxx"),
        OWN.replace(":role/dns", ":role/team/dns"),
        OWN.replace("arn:aws:", "arn:aws-us-gov:"),
        f"**{OWN}**",
        f"{OWN}, compute: waiting",
        f"{OWN}. Retrying after 33ms.",
        f"{OWN} because no identity-based policy allows the sts:AssumeRole action",
        f"{OWN}\\n\\tstatus code: 403, request id: 4d23",
    ],
)
def test_the_words_around_a_text_do_not_matter(text: str) -> None:
    assert answer(text) == ("app-assumes-own-role", Certainty.SURE)


FRAMED = "\n".join(f"\u2502 {line}" for line in ("Error: not ready", OWN, "  with aws_role.dns"))


@table(
    "text",
    [
        html.escape(f'<Message>"{OWN}"</Message>'),
        json.dumps(json.dumps({"msg": FRAMED})),
        json.dumps(f"\x1b[31m{OWN.replace('is', chr(27) + '[0mis')}"),
        "\\x1b[31m" + OWN.replace("not", "\\033[0mnot"),
        OWN.replace("not authorized", "**not authorized**").replace("AccessDenied", "**AccessDenied**"),
        "\n".join(["at line"] * 40 + WORDS),
        f"java.lang.RuntimeException: {OWN}\n\tat com.example.Dns.lambda$run(Dns.java:38)",
    ],
)
def test_the_format_of_a_text_does_not_matter(text: str) -> None:
    assert answer(text) == ("app-assumes-own-role", Certainty.SURE)


def test_a_piece_of_a_text_is_never_sure() -> None:
    assert answer("Rate limited! Will try to keep cre...")[1] is Certainty.LIKELY
    assert answer("AWS_WEB_IDENTITY_TOKEN_FILE=/var/run/secrets/x")[1] is Certainty.POSSIBLE


def test_another_cloud_in_the_same_text_does_not_hide_it() -> None:
    assert answer("azure-agent-0: 169.254.170.23: Received non 200 response 404")[0] == "association-missing"
    assert answer("azure-agent-0: Received non 200 response 404 from container metadata")[0] == ""


@table(
    "text",
    [
        OWN.replace(":role/dns", ":role/dns2"),
        OWN.replace(":role/dns", ":role/dns-admin"),
        OWN.replace(":role/dns", ":role/dns.admin"),
        OWN.replace("iam::111122223333", "iam::444455556666"),
        OWN.replace("/dns", "/***"),
        OWN.replace("/dns", "/<redacted>"),
    ],
)
def test_another_role_is_not_its_own(text: str) -> None:
    assert answer(text)[0] != "app-assumes-own-role"


@table(
    ("text", "first"),
    [
        # the application reads its token once; the agent renews for pods that are gone
        (f"Error when retrieving credentials from container-role: (ExpiredTokenException): {EXPIRED}", "sdk-too-old"),
        (f"failed to load credentials, : [18b9]: (ExpiredTokenException): {EXPIRED}, fault: client", "sdk-too-old"),
        ("Service account token failed basic claim validations: token is expired", "sdk-too-old"),
        ("Service account token failed basic claim validations: token is not valid yet", "node-clock-skew"),
        (f"unable to fetch credentials from EKS Auth: ExpiredTokenException: {EXPIRED}", "agent-expired-token-noise"),
        (
            f"{CALL}InvalidSignatureException: Signature expired: 20250709T024710Z is now earlier than",
            "node-clock-skew",
        ),
        (f"{CALL}InvalidSignatureException: Signature not yet current: 20250709T030000Z", "node-clock-skew"),
        (
            'Post "https://eks-auth.us-east-1.api.aws/x": proxyconnect tcp: dial tcp 10.0.0.1:3128: i/o timeout',
            "agent-proxy-misconfig",
        ),
        (f"{REFUSED}because no permissions boundary allows the action", "permissions-boundary-denies"),
        (f"{REFUSED}because no VPC endpoint policy allows the action", "eks-auth-unreachable"),
        (f"{REFUSED}because no identity-based policy allows the action", "node-role-missing-eks-auth"),
        (f'{X509}","operation":"AssumeRole', "agent-proxy-misconfig"),
        (f'{X509}","operation":"AssumeRoleForPodIdentity","service":"EKS Auth"', "agent-proxy-misconfig"),
        (f"operation error EKS Auth: AssumeRoleForPodIdentity, request send failed, {X509}", "agent-proxy-misconfig"),
        ("InternalServerError: unexpected status code recieved, expected 404, got 503", "agent-probe-port-conflict"),
        # Rust prints the provider, not the address
        ("provider=EcsContainer error=tcp connect error: Connection refused (os error 111)", "agent-not-installed"),
        ("invalid full URI for ECS provider (no DNS resolver): http://[fd00:ec2::23]/v1/credentials", "sdk-too-old"),
        (
            "Http request to retrieve credentials failed with error code 400 http://169.254.170.23/v1/credentials",
            "trust-missing-tag-session",
        ),
        ('Get "http://169.254.170.23/v1/credentials": EOF', "service-mesh-intercepts"),
        (
            "Received non 200 response 503 from container metadata: upstream connect error or disconnect/reset",
            "service-mesh-intercepts",
        ),
        # the kubelet about the volume, and admission webhooks about an object of a namespace
        (
            'MountVolume.SetUp failed for volume "eks-pod-identity-token" : failed to fetch token: serviceaccounts "a" not found',
            "association-sa-not-found",
        ),
        (
            'admission webhook "x" denied the request: resource Pod/kube-system/eks-pod-identity-agent was blocked',
            "admission-policy-blocks-agent",
        ),
        # what SDKs say of the address and of the token's file
        (
            "AWS_CONTAINER_CREDENTIALS_FULL_URI must be set to an https:// address or a link local IP address",
            "sdk-too-old",
        ),
        ("invalid full URI for ECS provider (URI did not refer to the loopback interface)", "sdk-too-old"),
        (
            "SharedCredsLoad: failed to load profile, . EmptyEC2RoleList: empty EC2 Role list",
            "pod-predates-association",
        ),
        ("Unable to retrieve credentials: failed to open Auth Token file .", "token-file-unreadable"),
        ("Authorization token must not contain the newline sequence.", "token-file-unreadable"),
        (
            "file in AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE contains invalid characters (\\r\\n)",
            "token-file-unreadable",
        ),
        (
            "failed to read authorization token from /var/run/x: open /var/run/x: permission denied",
            "token-file-unreadable",
        ),
        ("Failed to read authorization token from '/a/b': no such file or directory", "token-file-unreadable"),
        ("ECSResolver: Failed to read authorization token file from configured path.", "token-file-unreadable"),
        ("Pod Identity: loses S3 access once the token rotates; the file is never re-read", "sdk-too-old"),
        ("it is failing to refresh pod identity credentials, access fails every 23.5 hours", "sdk-too-old"),
        ("EKS Pod Identity does not work with aws-sdk v2", "sdk-too-old"),
        # metadata for region, network and instance, and metadata for credentials
        ("failed to get region from metadata: EC2MetadataError: failed to make request", "imds-metadata-dependency"),
        ("Unable to retrieve vpc-id from ec2metadata service", "imds-metadata-dependency"),
        ("unable to retrieve instance type from IMDS", "imds-metadata-dependency"),
        ("vpcId is not specified: EC2MetadataError: failed to make EC2Metadata request", "imds-metadata-dependency"),
        ("EC2RoleRequestError: no EC2 instance role found caused by: EC2MetadataError: x", "pod-predates-association"),
        ("no EC2 IMDS role found, operation error ec2imds: GetMetadata, status 401", "pod-predates-association"),
        # who denies EKS Auth, whatever is cut off
        (f"EKS Auth: AssumeRoleForPodIdentity, AccessDeniedException: {NODE[:60]}...", "node-role-missing-eks-auth"),
        # the API server rejects what is mounted twice
        (
            'mountPath: Invalid value: "/var/run/secrets/pods.eks.amazonaws.com/serviceaccount": must be unique',
            "injected-fields-hardcoded",
        ),
        # how people describe it
        ("It lacks the Pod Identity agent", "agent-not-installed"),
        ("it was failing due to the missing `eks-pod-identity-agent` add-on", "agent-not-installed"),
        ("the Pod Identity agent can't start on nodes with IPv6 disabled", "agent-ipv6-bind"),
        ("the pod identity agent has no nodes, just Fargates", "fargate-pod"),
        ("The pod-identity-webhook is executed but results in mutating: false", "injection-missed-webhook"),
        ("fog ignores the variables AWS_CONTAINER_CREDENTIALS_FULL_URI and the like", "custom-credential-chain"),
        # products that look for the annotation
        ("service account missing eks.amazonaws.com/role-arn annotation", "product-still-in-irsa-mode"),
        ("ServiceAccount a/b has no `eks.amazonaws.com/role-arn` annotation", "product-still-in-irsa-mode"),
        ('annotation "eks.amazonaws.com/role-arn" not found', "product-still-in-irsa-mode"),
        # an IAM user inside a pod
        ("external-dns: User: arn:aws:iam::1:user/d is not authorized to perform: route53:x", "static-aws-keys-shadow"),
        ("reconcile: User: arn:aws:iam::1:user/x is not authorized to perform: s3:GetObject", "static-aws-keys-shadow"),
    ],
)
def test_the_author_of_a_text_decides(text: str, first: str) -> None:
    found, certainty = answer(text)
    assert (found, certainty is Certainty.POSSIBLE) == (first, False)


@table(
    "text",
    [
        "Retrieving EC2 instance identity metadata regionFromSession=",
        "User: arn:aws:iam::1:user/x is not authorized to perform: s3:GetObject",
        "Error: User: arn:aws:iam::1:user/ci is not authorized to perform: eks:CreateCluster namespace",
        f'Post "https://sts.us-east-1.amazonaws.com/": {X509}',
        "annotations.eks.amazonaws.com/role-arn: arn:aws:iam::1:role/x",
        # what EKS says, said by another service
        "Cross-account pass role is not allowed (Service: AmazonCloudFormation; Status Code: 403; Error Code: x)",
        "An error occurred (AccessDenied) when calling the CreateFunction operation: Cross-account pass role is not allowed.",
        "operation error Lambda: CreateFunction, StatusCode: 403, Cross-account pass role is not allowed",
        "An error occurred (AssociationAlreadyExists) when calling the CreateAssociation operation: Association already exists",
        "operation error ECS: CreateService, ClientException: Role provided in the request does not exist.",
        "ConfigurationValue provided: Json schema validation failed with error (Service: AWSSSM; Status Code: 400)",
        # what is said of the agent, said of another pod in the same list
        "eks-pod-identity-agent-7x2kq 1/1 Running 0 5m\nweb-5d4f8c9b7d-x2k4q 0/1 ImagePullBackOff 0 5m",
        "web-5d4f8c9b7d-x2k4q 0/1 CrashLoopBackOff 0 5m\neks-pod-identity-agent-7x2kq 1/1 Running 0 5m",
        "addonName: snapshot-controller, status: DEGRADED, code: InsufficientNumberOfReplicas",
        # another issuer, and other people's roles
        "AssumeRoleWithWebIdentity operation: No OpenIDConnect provider found in your account for https://gitlab.com",
        "User: arn:aws:sts::<A>:assumed-role/<role>/<s> is not authorized to perform: sts:AssumeRole on resource: "
        "arn:aws:iam::<B>:role/<role>",
        "ThrottlingException when calling the DescribeTable operation: Rate exceeded # eks-pod-identity-agent",
        # the client has no credentials for the API server, which answers
        'Get "https://X.gr7.eu-west-1.eks.amazonaws.com/version?timeout=32s": getting credentials: exec: exit status 255',
        "Using Pod Identity credentials via fromHttp()\nLogging into x.dkr.ecr.eu-west-1.amazonaws.com\nError: Could not login",
        # an option of a command
        "kubectl rollout status deployment/carts --timeout=120s # pod identity",
        # anybody's words
        'Secret in version "v1" cannot be handled as a Secret: illegal base64 data at input byte 6',
        "pid 12703: listen tcp 0.0.0.0:8080: bind: address already in use",
        'the "vpc-cni" addon must be installed',
        "unable to create interface eth1",
    ],
)
def test_a_text_of_many_programs_decides_nothing(text: str) -> None:
    assert answer(text)[1] is Certainty.POSSIBLE


@table(
    "text",
    [
        "Cross-account pass role is not allowed",
        'invalid endpoint host, "host.docker.internal", only loopback hosts are allowed',
        "host.docker.internal is not a valid container metadata service hostname",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI has an invalid host. Host can only be one of [localhost, 127.0.0.1]",
        "hostPath type check failed: /etc/pki/tls/certs/ca-bundle.crt is not a file",
        "csi.storage.k8s.io/serviceAccount.tokens not provided",
        "Packed size of session tags consumes 101% of allotted space.",
        f"User: {POD} is not authorized to perform: ...",
        f"User: {POD} is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::1:role/other",
        "failed to get VPC ID: UnauthorizedOperation: You are not authorized to perform ec2:DescribeInstances",
        NODE,
    ],
)
def test_a_text_of_several_programs_is_never_sure(text: str) -> None:
    assert answer(text)[1] is not Certainty.SURE


@table(
    ("text", "first"),
    [
        (
            "InvalidParameterException when calling the CreatePodIdentityAssociation operation: Cross-account pass role is not allowed",
            "cross-account-role-arn",
        ),
        ("ResourceInUseException: Association already exists: a-abcdefgh12345678", "duplicate-association"),
        ("could not base64 decode header: illegal base64 data at input byte 6", "bearer-token-prefix"),
        ("eks-pod-identity-agent-7x2kq   0/1   ImagePullBackOff   0   5m", "agent-image-pull"),
        (
            'the "eks-pod-identity-agent" addon must be installed to create pod identity associations',
            "agent-not-installed",
        ),
        ('invalid endpoint host, "fd00:ec2::23", only loopback hosts are allowed', "sdk-too-old"),
        (f"kube-system {NODE}", "imds-fallback-node-role"),
        (NODE.replace("/runner/", "/eksctl-demo-nodegroup-NodeInstanceRole-1Q/"), "imds-fallback-node-role"),
        (f'level=error controller=issuer msg="{NODE}"', "imds-fallback-node-role"),
    ],
)
def test_a_text_of_one_program_is_sure(text: str, first: str) -> None:
    assert answer(text) == (first, Certainty.SURE)


@table(
    ("code", "first"),
    [
        ("InvalidToken", "sa-recreated-token-invalid"),
        ("ResourceNotFound", "association-missing"),
        ("Throttling", "eks-auth-throttled"),
        ("InternalServer", "eks-auth-unreachable"),
        ("ServiceUnavailable", "eks-auth-unreachable"),
    ],
)
def test_an_answer_of_eks_auth_to_a_pod_is_no_timeout(code: str, first: str) -> None:
    fault = "server" if first == "eks-auth-unreachable" else "client"
    reply = f"[18b9]: ({code}Exception): x, fault: {fault}"
    for before in (
        "failed to refresh cached credentials, failed to load credentials, : ",
        "Error retrieving metadata: Received non 200 response 400 from container metadata: ",
        "com.example.Container: ",
    ):
        assert answer(before + reply)[0] == first, before
    other = f"failed to load credentials, request timed out. operation error DynamoDB: PutItem, {code}Exception: x"
    assert answer(other) not in ((first, Certainty.SURE), (first, Certainty.LIKELY))


@table(
    "problem",
    [
        'failed to fetch token: pods "orders-1" not found',
        'failed to fetch token: serviceaccounts "orders" is forbidden: can only create tokens for pods on its node',
        'failed to fetch token: Post "https://x.eks.amazonaws.com/token": context deadline exceeded',
    ],
)
def test_a_volume_that_is_not_mounted_yet_is_neither_unreadable_nor_missing(problem: str) -> None:
    event = f'MountVolume.SetUp failed for volume "eks-pod-identity-token" : {problem}'
    assert answer(event)[1] is Certainty.POSSIBLE


SHELL = """AWS_CONTAINER_CREDENTIALS_FULL_URI=http://169.254.170.23/v1/credentials
AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=/var/run/secrets/pods.eks.amazonaws.com/serviceaccount/eks-pod-identity-token
"""
DESCRIBED = f"""Name:       orders-7d9f8c6b5-x2k4p
Namespace:  shop
    Environment:
      {SHELL.replace("=", ":  ")}
    Mounts:
      /var/run/secrets/pods.eks.amazonaws.com/serviceaccount from eks-pod-identity-token (ro)
Volumes:
  eks-pod-identity-token:
    Type:  Projected (a volume that contains injected data from multiple sources)
"""
VARIABLES = [dict(zip(("name", "value"), line.split("="), strict=True)) for line in SHELL.splitlines()]
SETTINGS = [
    SHELL,
    DESCRIBED,
    DESCRIBED.partition("shop\n")[2],
    json.dumps({"apiVersion": "v1", "kind": "Pod", "spec": {"env": VARIABLES, "automountServiceAccountToken": True}}),
    "".join(f"- name: {item['name']}\n  value: {item['value']}\n" for item in VARIABLES),
    SHELL.replace("pods.eks", "eks")
    .replace("AWS_CONTAINER_AUTHORIZATION", "AWS_WEB_IDENTITY")
    .replace("eks-pod-identity-", ""),
    "kube-system   eks-pod-identity-agent-7x2kq   1/1     Running   0   5m",
]


@table("settings", SETTINGS)
@table(
    "other",
    [
        "ERROR connection to postgres.shop.svc:5432 timed out",
        "dial tcp 10.100.12.3:6379: connect: connection refused",
        "open /etc/orders/config.yaml: no such file or directory",
        "PermissionError: [Errno 13] Permission denied: '/data/out.csv'",
        "The specified key does not exist.",
        "x509: certificate signed by unknown authority",
        'pods is forbidden: User "system:serviceaccount:shop:orders" cannot list resource "pods" in API group ""',
        "read tcp 10.0.4.2:51234->10.0.9.9:6379: read: connection reset by peer",
    ],
)
def test_the_settings_of_a_healthy_pod_are_no_error(settings: str, other: str) -> None:
    for text in (f"{settings}\n{other}", f"{other}\n{settings}"):
        assert answer(text)[1] is Certainty.POSSIBLE, text
    assert answer(f"{settings}\n{OWN}")[0] == "app-assumes-own-role"


@table("text", [*(f"{item}\nUnable to locate credentials" for item in SETTINGS[:5])])
def test_a_pod_with_the_variables_is_not_older_than_its_association(text: str) -> None:
    assert answer(text) == ("sdk-too-old", Certainty.LIKELY)


def test_the_name_of_the_provider_shows_that_the_pod_has_the_variables() -> None:
    assert answer("Error when retrieving credentials from container-role...")[0] != "pod-predates-association"


@table("lines", [1, 30])
def test_each_cause_in_a_log_is_among_the_first(lines: int) -> None:
    unauthorized = "Unauthorized Exception! EKS does not have permissions to assume the associated role."
    refused = 'Get "http://169.254.170.23/v1/credentials": dial tcp 169.254.170.23:80: connect: connection refused'
    irsa = "WebIdentityErr: AccessDenied: Not authorized to perform sts:AssumeRoleWithWebIdentity"
    causes = {unauthorized: "trust-missing-tag-session", refused: "agent-not-installed", irsa: "irsa-env-still-active"}
    for first, second in permutations(causes, 2):
        found = explain("\n".join([*["INFO ready"] * lines, first, *["INFO ready"] * lines, second])).matches[:5]
        assert {causes[first], causes[second]} <= {match.id for match in found}, (first, second)
