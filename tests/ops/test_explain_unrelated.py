"""Error texts of public pages about other troubles, each with its source (on GitHub where it names a repository): nothing
in them decides for a failure mode of Pod Identity."""

from harness import table
from podid.domain.errors import NotFound
from podid.ops.errortext import Certainty
from podid.ops.explain import explain

UNRELATED = [
    (
        '"errorMessage": "User: arn:aws:sts::111122223333:assumed-role/batch-poc-schedule-a1297ba/batch-poc-schedule-325ae24 is not authorized to perform: ecs:RunTask on resource: arn:aws:ecs:us-east-1:111122223333:task-definition/batch-poc-aece9bcd:1",',
        "pulumi/pulumi/issues/6725",
    ),
    (
        '{"message":"User: arn:aws:sts::111122223333:assumed-role/crossfeed-staging-us-east-1-lambdaRole/crossfeed-staging-scheduler is not authorized to perform: iam:PassRole on resource: arn:aws:iam::111122223333:role/crossfeed-staging-worker","code":"AccessDeniedException"',
        "cisagov/crossfeed/issues/109",
    ),
    (
        '"errorMessage": "An error occurred (AccessDeniedException) when calling the RunTask operation: User: arn:aws:sts::123456789:assumed-role/[role]/[function] is not authorized to perform: iam:PassRole on resource: arn:aws:iam::123456789:role/ecsTaskExecutionRole because no identity-based policy allows the iam:PassRole action"',
        "aws/serverless-application-model/issues/2247",
    ),
    (
        "[!] Couldn't register ECS task definition\nAccessDeniedException: User: arn:aws:iam::*******:user/<username> is not author     ized to perform: iam:PassRole on resource: arn:aws:iam::*********:role/ecsTas    kExecutionRole\n        status code: 400",
        "awslabs/fargatecli/issues/19",
    ),
    (
        "Error: waiting for EKS Add-On (ex-stack-raw:vpc-cni) create: unexpected state 'CREATE_FAILED', wanted target 'ACTIVE'. last error: : ConfigurationConflict: Conflicts found when trying to apply. Will not continue due to resolve conflicts mode. Conflicts:\nServiceAccount aws-node - .metadata.labels.app.kubernetes.io/version",
        "terraform-aws-modules/terraform-aws-eks/issues/2829",
    ),
    (
        "│ Error: unexpected EKS Add-On (acme:aws-ebs-csi-driver) state returned during creation: timeout while waiting for state to become 'ACTIVE' (last state: 'CREATING', timeout: 20m0s)\n│ [WARNING] Running terraform apply again will remove the kubernetes add-on",
        "terraform-aws-modules/terraform-aws-eks/issues/2596",
    ),
    (
        'Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox plugin type="aws-cni" name="aws-cni" failed (add): add cmd: Error received from AddNetwork gRPC call: rpc error: code = Unavailable desc = connection error: desc = "transport: Error while dialing: dial tcp 127.0.0.1:50051: connect: connection refused"',
        "aws/amazon-vpc-cni-k8s/issues/3840",
    ),
    (
        "Error: connect ETIMEDOUT 169.254.169.254:80\n    at TCPConnectWrap.afterConnect [as oncomplete] (net.js:1141:16) \n{  message: 'Missing credentials in config, if using AWS_CONFIG_FILE, set AWS_SDK_LOAD_CONFIG=1',  errno: 'ETIMEDOUT',  code: 'CredentialsError'",
        "aws/aws-sdk-js/issues/3348",
    ),
    (
        "Message: Error retrieving credentials from the instance profile metadata service. (cURL error 28: Connection timed out after 1000 milliseconds (see https://curl.haxx.se/libcurl/c/libcurl-errors.html) for http://169.254.169.254/latest/meta-data/iam/security-credentials/)",
        "curl/curl/issues/6929",
    ),
    (
        "When the ECS task metadata credentials endpoint returns HTTP 429 (rate limited), the Ruby SDK raises Aws::Errors::MissingCredentialsError. Message: unable to sign request without credentials set",
        "aws/containers-roadmap/issues/2757",
    ),
    (
        "Error when retrieving credentials from container-role:\nError retrieving metadata: Received error when attempting to retrieve ECS metadata: HTTPConnectionPool(host='169.254.170.2', port=80): Read timed out. (read timeout=2)",
        "aws/amazon-ecs-agent/issues/1262",
    ),
    (
        'reflector.go:140] failed to list *v1.Secret: secrets is forbidden: User "system:serviceaccount:kube-system:secrets-store-csi-driver" cannot list resource "secrets" in API group "" at the cluster scope',
        "aws/secrets-store-csi-driver-provider-aws/issues/300",
    ),
    (
        "`Retry AssumeRole: attempt 1 of 12 failed: Could not assume role with user credentials: User: arn:aws:sts::111122223333:assumed-role/terraform-deployer/deploy-uat is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::444455556666:role/terraform-deployer. Retrying after 33ms.",
        "aws-actions/configure-aws-credentials/issues/1810",
    ),
    (
        'time="2021-08-18T10:30:02Z" level=error msg="records retrieval failed: failed to list hosted zones: WebIdentityErr: failed to retrieve credentials\\ncaused by: RequestError: send request failed\\ncaused by: Post \\"https://sts.amazonaws.com/\\": dial tcp 54.239.29.25:443: i/o timeout"',
        "kubernetes-sigs/external-dns/issues/2230",
    ),
    (
        'time="2019-07-03T06:05:00Z" level=info msg="node(aks-agentpool-42571559-5) hostip(10.114.7.4) metadataaddress(169.254.169.254:80) nmiport(2579)"',
        "Azure/aad-pod-identity/issues/206",
    ),
    (
        'Unable to connect to the server: x509: certificate signed by unknown authority (possibly because of "crypto/rsa: verification error" while trying to verify candidate authority certificate "kube-ca")',
        "kubernetes-sigs/aws-iam-authenticator/issues/118",
    ),
    (
        "E0413 12:28:25.449973       1 authentication.go:65] Unable to authenticate the request due to an error: x509: certificate signed by unknown authority",
        "kubernetes-sigs/metrics-server/issues/494",
    ),
    (
        '"errorMessage": "An error occurred (AccessDeniedException) when calling the DescribeServices operation: User: arn:aws:sts::XXXX:assumed-role/minecraft-launcher-role-mijbep5x/minecraft-launcher is not authorized to perform: ecs:DescribeServices on resource: arn:aws:ecs:us-west-1:XXXX:service/minecraft/minecraft-server because no identity-based policy allows the ecs:DescribeServices action",',
        "doctorray117/minecraft-ondemand/issues/53",
    ),
    (
        "Error while initializing connection to kubernetes apiserver. Reason: Get https://EKS_MASTER_URL:443/version: x509: certificate signed by unknown authority.",
        "kubernetes-sigs/aws-load-balancer-controller/issues/422",
    ),
    (
        '"error": "launching nodeclaim, creating instance, with fleet error(s), UnauthorizedOperation: You are not authorized to perform this operation. User: arn:aws:sts::111111:assumed-role/${CLUSTER_NAME}-karpenter/1717079343811266923 is not authorized to perform: iam:PassRole on resource: arn:aws:iam::111111:role/KarpenterNodeRole-${CLUSTER_NAME} because no identity-based policy allows the iam:PassRole action. Encoded Failure: <encoded-message>"',
        "aws/karpenter-provider-aws/issues/6298",
    ),
    (
        '{"level":"error","ts":"2020-06-24T11:33:51.190Z","caller":"aws-k8s-agent/main.go:30","msg":"Initialization failure: ipamd init: failed to retrieve attached ENIs info"}',
        "aws/amazon-vpc-cni-k8s/issues/1051",
    ),
    (
        '{"level":"info","msg":"Validating if node has been drained..."}\ncould not get token: NoCredentialProviders: no valid providers in chain. Deprecated.',
        "aws/eks-hybrid/pull/692",
    ),
    (
        '{"generation.metadata":0,"level":"error","msg":"error retrieving credentials: AccessDenied: Access denied\\n\\tstatus code: 403, request id: 3990533a","pod.iam.requestedRole":"test-s3-iam-roles","pod.name":"aws","pod.namespace":"default"}',
        "uswitch/kiam/issues/237",
    ),
    (
        "Error: Volume mounts outside of the work folder are not supported",
        "actions/actions-runner-controller/issues/2754",
    ),
    (
        "An error occurred (AccessDenied) when calling the ListObjectsV2 operation: Access Denied",
        "actions/actions-runner-controller/issues/3672",
    ),
    (
        "failed to create the Instance resource: api error ValidationError: Request ARN is invalid",
        "crossplane/crossplane/issues/3160",
    ),
    (
        'The ProviderConfig "aws-provider" is invalid: spec.credentials.source: Unsupported value: "yeet": supported values: "None", "Secret", "IRSA", "WebIdentity", "Upbound"',
        "crossplane-contrib/provider-upjet-aws/issues/1249",
    ),
    (
        "Unable to fetch IAM role from instance metadata\nYou haven't specifed the aws route53 api key id and and api key secret yet.",
        "acmesh-official/acme.sh/issues/3193",
    ),
    (
        "Caused by: org.apache.hadoop.fs.s3a.auth.NoAuthWithAWSException: No AWS Credentials provided by SimpleAWSCredentialsProvider EnvironmentVariableCredentialsProvider InstanceProfileCredentialsProvider : com.amazonaws.SdkClientException: Unable to load credentials from service endpoint",
        "PacktPublishing/Machine-Learning-on-Kubernetes/issues/9",
    ),
    (
        "urllib3.exceptions.ConnectTimeoutError: (<botocore.awsrequest.AWSHTTPConnection object at 0x7fc83051e9b0>, 'Connection to 169.254.169.254 timed out. (connect timeout=1)')",
        "aws/aws-cli/issues/6130",
    ),
    (
        '"message": "Missing credentials in config", "code": "CredentialsError", "errno": "ECONNREFUSED", "syscall": "connect", "originalError": { "message": "Could not load credentials from EC2MetadataCredentials", "code": "CredentialsError", "errno": "ECONNREFUSED"',
        "aws/aws-sdk-js/issues/692",
    ),
    (
        "Cannot create cluster 'example-cluster' because region-1d, the targeted Availability Zone, does not currently have sufficient capacity to support the cluster.",
        "awsdocs/amazon-eks-user-guide/blob/master/doc_source/troubleshooting.md",
    ),
    (
        "│ Error: unexpected EKS Add-On (eks-managed-nodegroup:coredns) state returned during creation: timeout while waiting for state to become 'ACTIVE' (last state: 'CREATING', timeout: 20m0s)",
        "terraform-aws-modules/terraform-aws-eks/issues/2623",
    ),
    (
        "Failed to run Fargate tasks occur due to an AWS Lambda AccessDeniedException.",
        "aws-solutions/distributed-load-testing-on-aws/issues/162",
    ),
    (
        "Thing '[removed]' attributes not found. err=Error when retrieving credentials from container-role: Error retrieving metadata: Received error when attempting to retrieve container metadata: Could not connect to the endpoint URL: \"http://localhost:39279/2016-11-01/credentialprovider/\"",
        "boto/botocore/issues/3353",
    ),
    (
        '{"level":"ERROR","time":"2024-04-13T19:32:06.637Z","logger":"controller","message":"Reconciler error","commit":"6b868db","controller":"nodeclass","controllerGroup":"karpenter.k8s.aws","controllerKind":"EC2NodeClass","EC2NodeClass":{"name":"default"},"namespace":"","name":"default","reconcileID":"57ebead8-6c58-4b09-9258-a71d1e8eff32","error":"creating instance profile, adding role \\"eks-devopsv2-rico-karpeter-role\\" to instance profile \\"eks-devopsv2-rico_4067990795380418201\\", AccessDenied: User: arn:aws:sts::111122223333:assumed-role/eks-devopsv2-rico-karpeter-controller-role/1713036559589181010 is not authorized to perform: iam:PassRole on resource: arn:aws:iam::111122223333:role/eks-devopsv2-rico-karpeter-role because no identity-based policy allows the iam:PassRole action\\n\\tstatus code: 403, request id: 9d87922d-b025-47f1-a0ad-6972c5ddfd8f"}',
        "aws/karpenter-provider-aws/issues/6036",
    ),
    (
        "Retry AssumeRole: attempt 1 of 12 failed: Could not assume role with user credentials: User:\narn:aws:sts::111122223333:assumed-role/stac-publish-oidc-overturemaps/GitHubActions is not authorized to perform:\nsts:TagSession on resource: arn:aws:iam::444455556666:role/cloudfront-invalidator",
        "OvertureMaps/stac/pull/114",
    ),
    (
        "Error when retrieving credentials from container-role: Error retrieving metadata: Received error when attempting to retrieve ECS metadata: ('Connection aborted.', error(104, 'Connection reset by peer'))",
        "aws/amazon-ecs-agent/issues/2126",
    ),
    (
        '> botocore.exceptions.CredentialRetrievalError: Error when retrieving credentials from container-role: Error retrieving metadata: Received error when attempting to retrieve container metadata: Connect timeout on endpoint URL: "http://[ip]/v2/credentials/[uuid]"',
        "snowflakedb/SnowAlert/pull/674",
    ),
    (
        'Error when retrieving credentials from container-role: Error retrieving metadata: Received non 200 response (400) from ECS metadata: {"code":"InvalidIdInRequest","message":"CredentialsV2Request: ID not found"}',
        "aws/amazon-ecs-agent/issues/738",
    ),
    (
        '  |     "addonName" : "snapshot-controller",\n  |     "clusterName" : "gitops-demo-stage",\n  |     "status" : "DEGRADED",\n  |     "addonVersion" : "v6.3.2-eksbuild.1",\n  |     "health" : {\n  |       "issues" : [ {\n  |         "code" : "InsufficientNumberOfReplicas",\n  |         "message" : "The add-on is unhealthy because it doesn\'t have the desired number of replicas.",\n  |         "resourceIds" : null',
        "aws-ia/terraform-aws-eks-blueprints-addons/issues/335",
    ),
    (
        "User: arn:aws:iam::111122223333:user/kk_labs_user_789026 is not authorized to perform: iam:PassRole on resource: arn:aws:iam::111122223333:role/eks-cluster-role",
        "kodekloudhub/certified-kubernetes-administrator-course/issues/179",
    ),
    (
        'Resource handler returned message: "Addon moved to failed status during Create operation. Code: ConfigurationConflict, Message: Conflicts found when trying to apply. Will not continue due to resolve conflicts mode. Conflicts:',
        "zalando-incubator/kubernetes-on-aws/pull/10377",
    ),
    (
        "Action execution failed\nCross-account pass role is not allowed (Service: AmazonCloudFormation; Status Code: 403; Error Code: AccessDenied; Request ID: b60b8c17-bb31-4366-ab15-b03b6e8d74a2)",
        "adcreare/cloudformation/issues/3",
    ),
    (
        'AccessDenied: User: arn:aws:sts::ACCOUNT_ID:assumed-role/CLUSTER_NAME-KarpenterControllerRole/1704838296921190277 is not authorized to perform: iam:PassRole on resource: arn:aws:iam::ACCOUNT_ID:role/KarpenterNodeRole-CLUSTER_NAME because no identity-based policy allows the iam:PassRole action\\n\\tstatus code: 403, request id: 8cf2c336-d3c4-4a9b-9b9a-111122223333"}',
        "aws/karpenter-provider-aws/issues/5444",
    ),
    (
        'Feb 20 04:36:47 ip-172-20-37-9 kubelet[5300]: E0220 04:36:47.392591    5300 kubelet.go:1711] "Failed creating a mirror pod for" err="Internal error occurred: failed calling webhook \\"pod-identity-webhook.amazonaws.com\\": failed to call webhook: Post \\"https://pod-identity-webhook.kube-system.svc:443/mutate?timeout=10s\\": dial tcp 100.64.59.214:443: connect: connection refused"',
        "kubernetes/kops/pull/13176",
    ),
]


@table(("text", "source"), UNRELATED)
def test_other_troubles_get_no_answer(text: str, source: str) -> None:
    try:
        found = explain(text)
    except NotFound:
        return
    assert found.certainty is Certainty.POSSIBLE, (found.matches[0].id, source)
