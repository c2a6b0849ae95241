"""Texts of applications with their own clients, and of tools that run outside of pods; public ones with their source."""

from harness import table
from ops.explained import answer
from podid.ops.errortext import Certainty

URL = "http://169.254.170.23/v1/credentials"
IMDS = "failed to refresh cached credentials, no EC2 IMDS role found, operation error ec2imds: GetMetadata"


@table(
    "text",
    [
        "Failed to retrieve credentials from {url}: HTTP status {status}",
        "could not get credentials, url={url}, status={status}",
        "GET {url} HTTP/1.1 {status}",
        "Client error: `GET {url}` resulted in a `{status} Error` response",
        "failed to load credentials: {url} returned error code: {status}",
    ],
)
def test_the_agents_status_decides_in_the_words_of_any_client(text: str) -> None:
    causes = {
        400: "trust-missing-tag-session",
        404: "association-missing",
        429: "eks-auth-throttled",
        500: "agent-pod-unhealthy",
        503: "pod-proxy-missing-no-proxy",
    }
    for status, cause in causes.items():
        assert answer(text.format(url=URL, status=status)) == (cause, Certainty.LIKELY), status


@table(
    "text",
    [
        "An error occurred ({code}) when calling the AssumeRoleForPodIdentity operation: message",
        "operation error EKS Auth: AssumeRoleForPodIdentity, https response error StatusCode: 400, {code}: message",
        "software.amazon.awssdk.services.eksauth.model.{code}: message (Service: EksAuth, Status Code: 400)",
        "{code}: message\n    at de_AssumeRoleForPodIdentityCommandError (/app/node_modules/@aws-sdk/client-eks-auth/index.js)",
    ],
)
def test_a_code_of_eks_auth_decides_in_the_words_of_any_sdk(text: str) -> None:
    causes = {
        "AccessDeniedException": "node-role-missing-eks-auth",
        "ExpiredTokenException": "agent-expired-token-noise",
        "InternalServerException": "eks-auth-unreachable",
        "InvalidTokenException": "sa-recreated-token-invalid",
        "ResourceNotFoundException": "association-missing",
        "ServiceUnavailableException": "eks-auth-unreachable",
        "ThrottlingException": "eks-auth-throttled",
    }
    for code, cause in causes.items():
        first, certainty = answer(text.format(code=code))
        assert first == cause, code
        assert certainty is not Certainty.POSSIBLE, code


@table(
    "text",
    [
        f'Get "{URL}": proxyconnect tcp: dial tcp 10.1.2.3:3128: i/o timeout',
        f"HTTPConnectionPool(host='proxy', port=8080): Max retries exceeded with url: {URL} (Caused by ProxyError('Cannot connect to proxy.', timeout('timed out')))",
        "botocore.exceptions.ProxyConnectionError: Failed to connect to proxy URL: http://proxy:3128 (container-role)",
    ],
)
def test_a_proxy_that_does_not_answer_is_not_a_network_policy(text: str) -> None:
    assert answer(text) == ("pod-proxy-missing-no-proxy", Certainty.SURE)


@table("problem", ["unexpected end of JSON input", "credentials provider failed", "no credentials"])
def test_a_client_that_asks_the_agent_has_the_variables(problem: str) -> None:
    assert answer(f"Failed to get credentials from {URL}: {problem}")[0] not in (
        "pod-predates-association",
        "sa-mismatch",
    )


@table(
    ("text", "source"),
    [
        (
            "* error configuring Terraform AWS Provider: no valid credential sources for Terraform AWS Provider found.\n"
            "Error: no EC2 IMDS role found, operation error ec2imds: GetMetadata, canceled, context deadline exceeded",
            "pulumi/pulumi/issues/10303",
        ),
        (f"Error: No valid credential sources found\n\nAWS Error: {IMDS}, http response error StatusCode: 404", ""),
        (f"{IMDS}, access disabled to EC2 IMDS via client option", ""),
    ],
)
def test_tools_outside_of_pods_have_no_instance_role_either(text: str, source: str) -> None:
    assert answer(text)[1] is Certainty.POSSIBLE, source
    assert answer(f"{text} (eks pod identity)")[1] is Certainty.LIKELY


@table(
    ("text", "first", "source"),
    [
        (
            "PostgreSQL executes archive_command without access to the pod's environment variables, which causes "
            "pgBackRest authentication to fail when using Pod Identity.",
            "custom-credential-chain",
            "CrunchyData/postgres-operator/issues/4414",
        ),
        (
            "CredentialsError: Missing credentials in config\\n    at Object.openSync (fs.js:439:3)\\n    at "
            "TokenFileWebIdentityCredentials.load (/app/node_modules/aws-sdk/lib/credentials/token_file.js:163:28)",
            "irsa-env-still-active",
            "aws/aws-sdk-js/issues/2848",
        ),
        (
            "Pod Identity: Exception: model bedrock/anthropic.claude-3-5-haiku requires the following environment "
            "variables: ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY']",
            "custom-credential-chain",
            "HolmesGPT/holmesgpt/issues/1849",
        ),
        (
            '{"level":"WARN","fields":{"message":"provider failed to provide credentials","provider":"EcsContainer",'
            '"error":"an error occurred while loading credentials: Non-success status from HTTP credential provider: '
            'StatusCode(400)"}}',
            "trust-missing-tag-session",
            "restatedev/restate/issues/3363",
        ),
    ],
)
def test_the_first_answer_is_right(text: str, first: str, source: str) -> None:
    assert answer(text) == (first, Certainty.LIKELY), source


TOKEN = "/var/run/secrets/pods.eks.amazonaws.com/serviceaccount/eks-pod-identity-token"


@table(
    "text",
    [
        # https://github.com/aws/aws-sdk-ruby/blob/version-3/gems/aws-sdk-core/lib/aws-sdk-core/ecs_credentials.rb
        f"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE is set but the file doesn't exist: {TOKEN}",
        f"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE is set but the file is unreadable: {TOKEN}",
        "Invalid Authorization token: token contains a newline and carriage return character.",
    ],
)
def test_the_file_of_the_token_in_the_words_of_ruby(text: str) -> None:
    assert answer(text) == ("token-file-unreadable", Certainty.LIKELY)
