"""Error texts of public pages, each with its source (on GitHub where it names a repository), and what comes first.
Then such as nothing in them decides."""

from harness import table
from podid.ops.errortext import Certainty
from podid.ops.explain import explain

PUBLIC = [
    (
        '{\n   "level":"ERROR",\n   "time":"2024-11-12T16:46:59.426Z",\n   "logger":"controller",\n   "message":"Reconciler error",\n   "commit":"fb4d75f",\n   "controller":"nodeclaim.lifecycle",\n   "controllerGroup":"karpenter.sh",\n   "controllerKind":"NodeClaim",\n   "NodeClaim":{\n      "name":"default-w2zlj"\n   },\n   "namespace":"",\n   "name":"default-w2zlj",\n   "reconcileID":"7a1e88bc-1169-4e4a-a4db-4ff689f2bd59",\n   "error":"launching nodeclaim, creating instance, with fleet error(s), UnauthorizedOperation: You are not authorized to perform this operation. User: arn:aws:sts::123456789:assumed-role/karpeter-controller-role/1731429849551905269 is not authorized to perform: ec2:RunInstances on resource: arn:aws:ec2:us-east-2:123456789:instance/* with an explicit deny in a service control policy. Encoded authorization failure message: g4oZPBqZ4Bni8dE5dGjxYTnOZ..."\n}',
        "scp-denies-eks-auth",
        "aws/karpenter-provider-aws/issues/7370",
    ),
    (
        '{\n"level": "ERROR",\n"time": "2026-03-23T08:39:11Z",\n"logger": "controller",\n"message": "Reconciler error",\n"controller": "instanceprofile.garbagecollection",\n"aws-error-code": "AccessDenied",\n"aws-operation-name": "ListInstanceProfiles",\n"aws-status-code": 403,\n"error": "listing instance profiles, operation error IAM: ListInstanceProfiles,\napi error AccessDenied: User: arn:aws:sts::<account-id>:assumed-role/karpenter-controller-role/<session>\nis not authorized to perform: iam:ListInstanceProfiles on resource:\narn:aws:iam::<account-id>:instance-profile/karpenter/<region>/<cluster-name>/"\n}',
        "role-no-permissions",
        "https://gideonwarui.com/blog/field-notes/karpenter-gc-controller-iam-listinstanceprofiles",
    ),
    (
        "[error] com.amazonaws.SdkClientException: Unable to load AWS credentials from any provider in the chain: \n[fm.sbt.S3URLHandler$BucketSpecificRoleBasedEnvironmentVariableCredentialsProvider@6992c98a: head of empty list, \nfm.sbt.S3URLHandler$BucketSpecificRoleBasedSystemPropertiesCredentialsProvider@4a3d1bc8: head of empty list, \nfm.sbt.S3URLHandler$RoleBasedPropertiesFileCredentialsProvider@606dac43: \n/home/runner/.sbt/.s3credentials_<BUCKET_NAME> (No such file or directory), \nfm.sbt.S3URLHandler$RoleBasedPropertiesFileCredentialsProvider@5891779a: /home/runner/.sbt/.<BUCKET_NAME> (No \nsuch file or directory), fm.sbt.S3URLHandler$RoleBasedEnvironmentVariableCredentialsProvider@5593c77f: head of empty \nlist",
        "custom-credential-chain",
        "tpunder/fm-sbt-s3-resolver/issues/88",
    ),
    (
        '2025-05-19T06:42:01Z W! {"caller":"batchprocessor@v0.115.0/batch_processor.go:263","msg":"Sender failed","kind":"processor","name":"batch/prometheus/cloudwatchlogs","pipeline":"metrics/prometheus/cloudwatchlogs","error":"SharedCredsLoad: failed to load shared credentials file\\ncaused by: FailedRead: unable to open file\\ncaused by: open /root/.aws/credentials: no such file or directory"}',
        "custom-credential-chain",
        "aws/amazon-cloudwatch-agent/issues/1688",
    ),
    (
        '{"level":"error","ts":1631737412.2021482,"logger":"setup","msg":"unable to initialize AWS cloud","error":"failed to introspect vpcID from EC2Metadata, specify --aws-vpc-id instead if EC2Metadata is unavailable: EC2MetadataError: failed to make EC2Metadata request\\n\\n\\tstatus code: 401, request id: "}',
        "imds-metadata-dependency",
        "kubernetes-sigs/aws-load-balancer-controller/issues/2231",
    ),
    (
        'E0508 04:50:11.868297       1 main.go:154] "Could not determine region from any metadata service. The region can be manually supplied via the AWS_REGION environment variable." err="error getting instance data from ec2 metadata or kubernetes api"\npanic: error getting instance data from ec2 metadata or kubernetes api',
        "imds-metadata-dependency",
        "kubernetes-sigs/aws-ebs-csi-driver/issues/2031",
    ),
    (
        '│ ebs-plugin I1209 10:24:03.217578       1 metadata.go:88] "ec2 metadata is not available"     │\n│ ebs-plugin I1209 10:24:03.217674       1 metadata.go:96] "retrieving instance data from kubernetes api"     │\n│ ebs-plugin panic: did not find aws instance ID in node providerID string',
        "imds-metadata-dependency",
        "kubernetes-sigs/aws-ebs-csi-driver/issues/474",
    ),
    (
        "``` EC2MetadataError: failed to make EC2Metadata request\\n\\n\\tstatus code: 401, request id: ```",
        "imds-metadata-dependency",
        "aws-observability/aws-otel-collector/issues/1202",
    ),
    (
        '{"level":"error","ts":1710490480.352583,"logger":"controllers.ClusterSecretStore","msg":"unable to validate store","clustersecretstore":{"name":"aws-parameter-store"},"error":"could not validate provider: AccessDenied: User: arn:aws:sts::111122223333:assumed-role/kube2iam/8e228500-kube2iam is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::111122223333:role/k8s/kube2iam\\n\\tstatus code: 403, request id: c0b5aff0-f376-4a7e-9322-fd3c6e0d2624"',
        "app-assumes-own-role",
        "external-secrets/external-secrets/issues/3264",
    ),
    (
        "**error instantiating route53 challenge solver: unable to assume role: AccessDenied: User: arn:aws:sts::111122223333:assumed-role/cert-manager/171xxxxxx is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::9xxxxx:role/cert-manager**",
        "app-assumes-own-role",
        "cert-manager/cert-manager/issues/6872",
    ),
    (
        'E1010 12:04:47.578424       1 controller.go:131] cert-manager/controller/challenges "msg"="re-queuing item  due to error processing" "error"="Failed to change Route 53 record set: WebIdentityErr: unable to read file at /var/run/secrets/eks.amazonaws.com/serviceaccount/token',
        "irsa-env-still-active",
        "cert-manager/cert-manager/issues/2147",
    ),
    (
        "software.amazon.awssdk.core.exception.SdkClientException: Unable to load credentials from any of the providers in the chain AwsCredentialsProviderChain(credentialsProviders=[SystemPropertyCredentialsProvider(), WebIdentityTokenCredentialsProvider(), ContainerCredentialsProvider(), InstanceProfileCredentialsProvider()]) : [WebIdentityTokenCredentialsProvider(): Not authorized to perform sts:AssumeRoleWithWebIdentity (Service: Sts, Status Code: 403, Request ID: 13e02bf6-082c-47a2-ace4-900b02792b72, Extended Request ID: null), ContainerCredentialsProvider(): Cannot fetch credentials from container - neither AWS_CONTAINER_CREDENTIALS_FULL_URI or AWS_CONTAINER_CREDENTIALS_RELATIVE_URI environment variables are set.]",
        "irsa-env-still-active",
        "aws/aws-sdk-java-v2/issues/1470",
    ),
    (
        "The full URI (http://169.254.170.23/v1/credentials) contained within environment variable AWS_CONTAINER_CREDENTIALS_FULL_URI has an invalid host. Host should resolve to a loopback address or have the full URI be HTTPS.",
        "sdk-too-old",
        "opensearch-project/OpenSearch/issues/17305",
    ),
    (
        "Newly-created pods whose ServiceAccount has a Pod Identity association are intermittently admitted without the injected env vars (AWS_CONTAINER_CREDENTIALS_FULL_URI, AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE) and the projected token volume. Because the mutating webhook uses failurePolicy: Ignore, the miss is silent.",
        "injection-missed-webhook",
        "aws/eks-pod-identity-agent/issues/153",
    ),
    (
        "we have a workload that has to run on hostNetwork which causes the credentials loading to error out with:\n failed to refresh cached credentials, failed to load credentials,\nUnauthorized Exception! EKS does not have permissions to assume the associated role., fault: client",
        "trust-missing-tag-session",
        "aws/eks-pod-identity-agent/issues/139",
    ),
    (
        '2024-10-07T21:13:53.000405541+09:00 stdout F {"bind-addr":"[fd00:ec2::23]:80","level":"info","msg":"Starting server...","time":"2024-10-07T12:13:53Z"}\n2024-10-07T21:13:53.028863236+09:00 stdout F {"client-addr":"127.0.0.1:35778","level":"warning","msg":"Failed probe: unexpected status code recieved, expected 404, got 503',
        "agent-probe-port-conflict",
        "aws/eks-pod-identity-agent/issues/26",
    ),
    (
        'bash-4.2# aws sts get-caller-identity\n{\n    "UserId": "SDFGBSFGBSFGBSFGBSFG:i-123456789",\n    "Account": "123456789",\n    "Arn": "arn:aws:sts::123456789:assumed-role/us-east-2-vdmdev-network1-node-group-role/i-123456789"\n}',
        "imds-fallback-node-role",
        "aws/karpenter-provider-aws/issues/5310",
    ),
    (
        "If I check the `AWS_ROLE_ARN` value it has the right profile but when doing `aws sts get-caller-identity` from the pod it shows the **NODE** role and not the one linked to the `ServiceAccount`.",
        "imds-fallback-node-role",
        "aws/amazon-eks-pod-identity-webhook/issues/228",
    ),
    (
        "`An error occurred (AccessDeniedException) when calling the ListTables operation: User: arn:aws:sts::<redacted>:assumed-role/nodes.k8s.dev.redacted/i-068a7d585ad916589 is not authorized to perform: dynamodb:ListTables on resource: *`",
        "imds-fallback-node-role",
        "jtblin/kube2iam/issues/19",
    ),
    (
        "Error: getting recommended policies for addon vpc-cni",
        "addon-pod-identity-unsupported",
        "eksctl-io/eksctl/issues/8768",
    ),
    (
        "Using `authenticationSource: pod` with EKS Pod Identity (no IRSA), the Mountpoint Pod in the `mount-s3` namespace is created with `env: null` and `serviceAccount: default` — zero credentials. The mount fails with `No signing credentials available`.",
        "product-still-in-irsa-mode",
        "awslabs/mountpoint-s3-csi-driver/issues/781",
    ),
    (
        '  Warning  ProvisioningFailed    4m15s (x4 over 14m)   efs.csi.aws.com_efs-csi-controller-765df4ffd9-txht8_8869b938-48da-4330-b302-5c5dc9efa4fb\n    failed to provision volume with StorageClass "efs-sc": rpc error: code = Internal\n   desc = Failed to fetch Access Points or Describe File System:\n   List Access Points failed: operation error EFS: DescribeAccessPoints, get identity:\n   get credentials: failed to refresh cached credentials, no EC2 IMDS role found, operation error\n ec2imds: GetMetadata, failed to get rate limit token, retry quota exceeded, 0 available, 5 requested',
        "pod-predates-association",
        "terraform-aws-modules/terraform-aws-eks/issues/3451",
    ),
    (
        "I tried to use EKS Pod Identity by specifying `spec.provider.aws.role`. However, it didn't work because the pod-identity-assumed role failed to assume its own role.",
        "app-assumes-own-role",
        "external-secrets/external-secrets/pull/4432",
    ),
    (
        "celld cannot use EKS Pod Identity: object_store has no container-credentials provider. celld skips the injected credentials, falls through to IMDS, and reports the bucket as inaccessible after a timeout",
        "custom-credential-chain",
        "denoland/celld/issues/163",
    ),
    (
        "user with a production cluster using pod identity associations instead of IAM roles for service accounts (IRSA). The default configuration for AWS does not pick up credentials for EKS pod identity associations.",
        "sdk-too-old",
        "Eventual-Inc/Daft/issues/3324",
    ),
    (
        "When we add an association to our pods, the association shows that it is created, and the pod rolls to get the pod identity environment variables; however, they come up without the credentials and remain in CrashLoopBackOff, requiring us to roll them again to get the pod identity environment variables.",
        "pod-predates-association",
        "aws/containers-roadmap/issues/2507",
    ),
    (
        "terraform (randomly) create vpc-cni before eks-pod-identity-agent is created, this leads to VPC-CNI add-on crash.",
        "cni-depends-on-agent",
        "terraform-aws-modules/terraform-aws-eks/issues/3260",
    ),
    (
        "software.amazon.awssdk.core.exception.SdkClientException: Unable to load credentials from any of the providers in the chain AwsCredentialsProviderChain(credentialsProviders=[SystemPropertyCredentialsProvider(), EnvironmentVariableCredentialsProvider(), WebIdentityTokenCredentialsProvider(), ProfileCredentialsProvider(profileName=default, profileFile=ProfileFile(sections=[])), ContainerCredentialsProvider(), InstanceProfileCredentialsProvider()]) : [SystemPropertyCredentialsProvider(): Unable to load credentials from system settings. Access key must be specified either via environment variable (AWS_ACCESS_KEY_ID) or system property (aws.accessKeyId)., WebIdentityTokenCredentialsProvider(): Either the environment variable AWS_WEB_IDENTITY_TOKEN_FILE or the javaproperty aws.webIdentityTokenFile must be set., ContainerCredentialsProvider(): Cannot fetch credentials from container - neither AWS_CONTAINER_CREDENTIALS_FULL_URI or AWS_CONTAINER_CREDENTIALS_RELATIVE_URI environment variables are set., InstanceProfileCredentialsProvider(): Failed to load credentials from IMDS.]",
        "pod-predates-association",
        "https://deploy-preview-1785--eks-workshop.netlify.app/docs/fastpaths/developer/amazon-eks-pod-identity/understanding",
    ),
    (
        "An error occurred (AccessDeniedException) when calling the DescribeCluster operation: User: arn:aws:iam::111122223333:user/user_name is not authorized to perform: eks:DescribeCluster on resource: arn:aws:eks:us-west-2:111122223333:cluster/cluster_name",
        "tool-aws-denied",
        "https://docs.aws.amazon.com/eks/latest/userguide/troubleshooting_iam.html",
    ),
    (
        '{"level":"debug","ts":1585482843.978178,"logger":"scalehandler","msg":"Error getting scale decision","ScaledObject.Namespace":"hydra-sbx1-mobilelogins",\n"ScaledObject.Name":"hydra-ingest-outbound-etl","ScaledObject.ScaleType":"deployment",\n"Error":"AccessDenied: User: arn:aws:sts::111122223333:assumed-role/k8s-keda/e7450c49-k8s-keda is not authorized to perform: \nsts:AssumeRole on resource: arn:aws:iam::111122223333:role/k8s-keda',
        "app-assumes-own-role",
        "kedacore/keda/issues/706",
    ),
    (
        '{"level":"error","logger":"controller_scaledobject","msg":"Failed to create new HPA resource","error":"error getting scaler for trigger #0: Error parsing Cloudwatch metadata: \'AWS_ACCESS_KEY_ID\' doesn\'t exist in the deployment environment"',
        "product-still-in-irsa-mode",
        "kedacore/keda/pull/499",
    ),
    (
        "Caused by: org.apache.hadoop.fs.s3a.auth.NoAuthWithAWSException: No AWS Credentials provided by WebIdentityTokenCredentialsProvider : com.amazonaws.services.securitytoken.model.AWSSecurityTokenServiceException: Not authorized to perform sts:AssumeRoleWithWebIdentity (Service: AWSSecurityTokenService; Status Code: 403; Error Code: AccessDenied; Request ID: ID; Proxy: null)",
        "irsa-env-still-active",
        "kubeflow/spark-operator/issues/1129",
    ),
    (
        "message: 'connect failed: unable to read web identity token file in pod: open\n      : no such file or directory'",
        "product-still-in-irsa-mode",
        "crossplane-contrib/provider-aws/issues/402",
    ),
    (
        "There can be a window between the time the EKS Pod Identity is configured and the information is available to the daemonset pods running in the cluster. That can lead to the provider pods starting up without the AWS_* environment variables that they need to access AWS services.",
        "association-propagation-race",
        "crossplane/crossplane/issues/6137",
    ),
    (
        'time="2020-07-24T06:41:05Z" level=error msg="AccessDenied: User: arn:aws:sts:XXXXXXXXXassumed-role/eks-cluster-XXXXXXX-NodeInstanceRole-XXXXXXXX/i-XXXXXXXXXX is not authorized to perform: route53:ListHostedZones\\n\\tstatus code: 403, request id: XXXXX-XXXXX-XXXXX-XXXXXX',
        "imds-fallback-node-role",
        "kubernetes-sigs/external-dns/issues/1684",
    ),
    (
        'time="2025-02-28T14:21:18Z" level=error msg="Failed to do run once: soft error\\nrecords retrieval failed: soft error\\nfailed to list hosted zones: operation error Route 53: ListHostedZones, get identity: get credentials: failed to refresh cached credentials, no EC2 IMDS role found, operation error ec2imds: GetMetadata, canceled, context deadline exceeded"',
        "pod-predates-association",
        "bitnami/charts/issues/32216",
    ),
    (
        '2024/04/01 15:46:53 Ignoring, HTTP credential provider invalid endpoint host, "169.254.170.23", only loopback hosts are allowed. <nil>\ntime="2024-04-01T15:46:53Z" level=fatal msg="records retrieval failed: failed to list hosted zones: NoCredentialProviders: no valid providers in chain. Deprecated.\\n\\tFor verbose messaging see aws.Config.CredentialsChainVerboseErrors"',
        "sdk-too-old",
        "kubernetes-sigs/external-dns/issues/4353",
    ),
    (
        "If we don't add the EKS Pod Identity IPs to the no_proxy environment variables than this effectively breaks Pod Identities since they won't be able to call the eks-pod-identity-agent DaemonSet pods as the requests destined for these pods would be proxied and would not be routable by the proxy.",
        "pod-proxy-missing-no-proxy",
        "awsdocs/amazon-eks-user-guide/pull/878",
    ),
    (
        'EKS node group nodes: the "aws-node-***" pods were constantly restarting due to crashing with exit code 2. Turns out this was caused by the fact that the EKS Pod Identity Agent add-on wasn\'t installed on our EKS cluster',
        "cni-depends-on-agent",
        "aws/amazon-vpc-cni-k8s/issues/3840",
    ),
    (
        "KEDA is still assuming the role mapped to its operator service account and does not assume the role mapped on workload. This is blocking us from using AWS Secrets Manager through podIdentity.",
        "consumer-is-other-pod",
        "kedacore/keda/issues/5899",
    ),
    (
        "`Error: Credentials could not be loaded, please check your action inputs: 169.254.170.23 is not a valid container metadata service hostname`",
        "sdk-too-old",
        "aws-actions/configure-aws-credentials/issues/942",
    ),
    (
        "Run aws-actions/amazon-ecr-login@v2\n  with:\n    mask-password: true\n    registry-type: private\n    skip-logout: false\nError: 169.254.170.23 is not a valid container metadata service hostname",
        "sdk-too-old",
        "aws-actions/amazon-ecr-login/issues/624",
    ),
    (
        "When using EKS Pod Identity in AWS EKS AutoMode, after 8-12hrs the ExternalSecret using a ClusterSecretStore set to AWS Secrets Manager will fail to sync because of a expired token, the ClusterSecretStore will remain valid.",
        "sdk-too-old",
        "external-secrets/external-secrets/issues/6654",
    ),
    (
        "At high pod churn rates ghost entries accumulate in the cache and consume AssumeRoleForPodIdentity API capacity. Combined with the low per-account rate limit on the EKS Auth API, this contributes meaningfully to HTTP 429 throttling.",
        "eks-auth-throttled",
        "aws/eks-pod-identity-agent/issues/171",
    ),
    (
        "However the `/eks-hybrid/.aws` path is not writeable on the Bottlerocket host since it's a readonly filesystem.",
        "hybrid-daemonset-missing",
        "aws/eks-pod-identity-agent/pull/63",
    ),
    (
        "When I remove it one of aws-node pods don't works it get stucked in liveness / readiness, and CNI don't go ready... AWS_CONTAINER_CREDENTIALS_FULL_URI is present on this pod",
        "cni-depends-on-agent",
        "aws/amazon-vpc-cni-k8s/issues/2780",
    ),
    (
        "At the moment this module does not support EKS pod-identity and only support IRSA or Creds provided",
        "sdk-too-old",
        "tpunder/fm-sbt-s3-resolver/issues/88",
    ),
    (
        'level=error msg=\\"AccessDenied: User: arn:aws:sts::123456789:assumed-role/eks-worker-123456789/i-123456789 is not authorized to perform: route53:ListHostedZones\\\\\\tstatus code: 403, request id: 123456789-123456789',
        "imds-fallback-node-role",
        "kubernetes-sigs/external-dns/issues/1222",
    ),
    (
        'aws sts get-caller-identity\n{\n    "UserId": "xxxx",\n    "Account": "xxx",\n    "Arn": "arn:aws:sts::xxxx:assumed-role/nodes.cluster.k8s.local/i-12345678d20aa201b"\n}',
        "imds-fallback-node-role",
        "kubernetes/kops/issues/13078",
    ),
    (
        "It took me a while to understand why connecting from a pod using EKS Pod Identity to link to a role was failing... Until I remembered that EKS Pod Identity is a relatively new feature. Updating the AWS SDK fixed the issue",
        "sdk-too-old",
        "aws-samples/elasticache-iam-auth-demo-app/issues/7",
    ),
    (
        "AWS Java SDK v1 does not support the `AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE` environment variable, which is how EKS Pod Identity injects credentials.",
        "sdk-too-old",
        "airbytehq/airbyte/issues/78116",
    ),
    (
        "The application seems to be incompatible with EKS pod identity. When attempting to use pod identity with the application I found that it would freeze after reading the config yaml",
        "sdk-too-old",
        "qonto/prometheus-rds-exporter/issues/265",
    ),
    (
        'AWS EKS Pod Identity is not working. Configuring it will result in access denied. In CloudTrail I can see that the request comes from the role of the instance, it looks like the pod doesn\'t assume the role correctly.\nIgnoring, HTTP credential provider invalid endpoint host, "169.254.170.23", only loopback hosts are allowed. <nil>',
        "sdk-too-old",
        "distribution/distribution/issues/4418",
    ),
    (
        'Pod-level identity (authenticationSource: pod) is not working with "No signing credentials available".',
        "product-still-in-irsa-mode",
        "awslabs/mountpoint-s3-csi-driver/issues/276",
    ),
    (
        "If the annotation on the ServiceAccount is not found, the provider-aws-s3 will attempt to open the token file empty string; WebIdentity credential source relies on eks.amazonaws.com/role-arn ServiceAccount annotation",
        "product-still-in-irsa-mode",
        "crossplane-contrib/provider-upjet-aws/issues/1007",
    ),
    (
        "Following the documentation to enable pod identity with s3 mountpoint add-on fails. This is not supported yet, only supported in upcoming v2 release.",
        "sdk-too-old",
        "terraform-aws-modules/terraform-aws-eks-pod-identity/issues/37",
    ),
    (
        'I just enabled EKS Pod identity, but I get the following error on startup:\nIgnoring, HTTP credential provider invalid endpoint host, "169.254.170.23", only loopback hosts are allowed',
        "sdk-too-old",
        "aws-controllers-k8s/community/issues/1953",
    ),
    (
        'im using pod identity setup and im getting\n`failed to refresh cached credentials, no EC2 IMDS role found, operation error ec2imds: GetMetadata, canceled, context deadline exceeded"`\ni am explicitly providing `--aws-region and --aws-vpc-id` via the helm chart',
        "pod-predates-association",
        "kubernetes-sigs/aws-load-balancer-controller/issues/3955",
    ),
    (
        "error getting service account: 'human-risk-scores-scheduled-sqs-worker', error: annotation 'eks.amazonaws.com/role-arn' not found",
        "product-still-in-irsa-mode",
        "kedacore/keda/issues/6418",
    ),
    (
        "> Error when retrieving credentials from container-role: Error retrieving metadata: Received non 200 response 400 from container metadata: [18b9740f-d967-4c97-86da-2f50f794b032]: (ExpiredTokenException): The token included in the request is expired: current date/time 2024-02-10T08:38:55.284028Z must be before the expiration date/time 2024-02-09T10:47:44Z., fault: client",
        "sdk-too-old",
        "boto/botocore/issues/3117",
    ),
    (
        'E0205 15:24:20.203406       1 sync.go:282] cert-manager/challenges/finalizer "msg"="error cleaning up challenge" "error"=\n"error instantiating route53 challenge solver: \nunable to assume role: \nAccessDenied: \nUser: arn:aws:sts::111122223333:assumed-role/eksctl-example-eks-demo1-addon-iamserviceaccoun-Role1-Q3CU3WQ83UKE/1675610660182694283 \nis not authorized to perform:\nsts:AssumeRole on resource: \narn:aws:iam::111122223333:role/eksctl-example-eks-demo1-addon-iamserviceaccoun-Role1-Q3CU3WQ83UKE\n\n\\n\\tstatus code: 403, request id: 4d234048-0807-4d9b-87d7-b3ac1c610456" "dnsName"="example.ai" "resource_kind"="Challenge" \n"resource_name"="wild-card-example-ai-staging-ckvjt-1293196083-3932141853" "resource_namespace"="default" "resource_version"="v1" "type"="DNS-01"',
        "app-assumes-own-role",
        "cert-manager/cert-manager/issues/5780",
    ),
    (
        "init config failed: vpcId is not specified: EC2MetadataError: failed to make EC2Metadata request",
        "imds-metadata-dependency",
        "aws/aws-application-networking-k8s/issues/722",
    ),
    (
        "User: arn:aws:sts::111122223333:assumed-role/eksctl-example-eks-demo1-addon-iamserviceaccoun-Role1-Q3CU3WQ83UKE/1675610660182694283 \nis not authorized to perform:\nsts:AssumeRole on resource: \narn:aws:iam::111122223333:role/eksctl-example-eks-demo1-addon-iamserviceaccoun-Role1-Q3CU3WQ83UKE",
        "app-assumes-own-role",
        "cert-manager/cert-manager/issues/5780",
    ),
    (
        'tls: failed to verify certificate: x509: certificate signed by unknown authority","operation":"AssumeRole',
        "agent-proxy-misconfig",
        "aws/eks-pod-identity-agent/issues/47",
    ),
    (
        '{"client-addr":"10.10.5.179:53244","cluster-name":"eks-cluster-qa","level":"info","msg":"handling new request request from 10.10.5.179:53244","time":"2025-07-09T02:52:10Z"}\n{"client-addr":"10.10.5.179:53244","cluster-name":"eks-cluster-qa","level":"info","msg":"Calling EKS Auth to fetch credentials","time":"2025-07-09T02:52:10Z"}\n{"client-addr":"10.10.5.179:53244","cluster-name":"eks-cluster-qa","level":"error","msg":"Error fetching credentials: error getting credentials to cache: unable to fetch credentials from EKS Auth: operation error EKS Auth: AssumeRoleForPodIdentity, https response error StatusCode: 0, RequestID: , canceled, context canceled","operation":"AssumeRoleForPodIdentity","request-id":"","service":"EKS Auth","time":"2025-07-09T02:52:10Z"}',
        "agent-timeout-context-canceled",
        "aws/eks-pod-identity-agent/issues/50",
    ),
    (
        "Failed to upload split. Killing! Caused by:\nquickwit     0: storage error(kind=Internal, source=failed to construct request: the credentials provider was not properly configured: invalid full URI for ECS provider (URI did not refer to the loopback interface): http://169.254.170.23/v1/credentials",
        "sdk-too-old",
        "quickwit-oss/quickwit/issues/5247",
    ),
    (
        'error":"unable to determine account ID: operation error STS: GetCallerIdentity, get identity: get credentials: failed to refresh cached credentials, failed to load credentials, : [43250e5c]: (AccessDeniedException): Unauthorized Exception! EKS does not have permissions to assume the associated role., fault: client","stacktrace":"main.main\\n\\t/github.com/aws-controllers-k8s/cloudwatchlogs-controller/cmd/controller/main.go:77"}',
        "trust-missing-tag-session",
        "aws-controllers-k8s/community/issues/2678",
    ),
    (
        "Could not create volume: NoCredentialProviders: no valid providers in chain\ncaused by: EnvAccessKeyNotFound: failed to find credentials in the environment.\nSharedCredsLoad: failed to load profile, .\nEmptyEC2RoleList: empty EC2 Role list",
        "pod-predates-association",
        "kubernetes-sigs/aws-ebs-csi-driver/issues/984",
    ),
    (
        "AccessDeniedException: User: arn:aws:sts::123456789:assumed-role/worker/i-0a62ba7ace1d8158f is not authorized to perform: kms:DescribeKey on resource: arn:aws:kms:eu-central-1:123456789:key/dd6269bb because no identity-based policy allows the kms:DescribeKey action",
        "imds-fallback-node-role",
        "hashicorp/vault/issues/21510",
    ),
    (
        '"InternalServerError: unexpected status code recieved, expected 404, got 503"',
        "agent-probe-port-conflict",
        "aws/eks-pod-identity-agent/issues/26",
    ),
]

# nothing in them ties them to a pod that has an association, or says which cause it is: the most frequent first
UNDECIDED = [
    (
        'level=error ts=2024-07-24T04:34:13.563927913Z caller=main.go:121 msg="error running Tempo" err="failed to init module services: error initialising module: store: failed to create store: unexpected error from ListObjects on katalon-shared-services-tempo: Access Denied"',
        "role-no-permissions",
        "grafana/tempo/issues/3899",
    ),
    (
        "Java-based connectors fail with `Unable to load AWS credentials from any provider in the chain` or similar.",
        "pod-predates-association",
        "airbytehq/airbyte/issues/78116",
    ),
    (
        '2021-02-22T08:55:43.093Z        ERROR   controllers.ClusterSet  Syncing clusters        {"clusterSet": "default/myclusterset1", "error": "creating missing cluster secrets: processing first set of EKS clusters: listing clusters: AccessDenied: User: arn:aws:sts::123456789012:assumed-role/... is not authorized to perform: sts:AssumeRole on resource: 123456789012:role/read-eks-cluster-role\\n\\tstatus code: 403"',
        "role-no-permissions",
        "mumoshu/argocd-clusterset/pull/1",
    ),
    (
        'time="2024-01-28T09:41:17Z" level=error msg="records retrieval failed: failed to list hosted zones: AccessDenied: User: arn:aws:sts::xxxxxxxxxxxxxx:assumed-role/*****-ExternalDNS/1385464348772260040 is not authorized to perform: route53:ListHostedZones because no identity-based policy allows the route53:ListHostedZones action\\n\\tstatus code: 403, request id: b950a1aa"',
        "role-no-permissions",
        "kubernetes-sigs/external-dns/issues/4219",
    ),
    (
        "After switching to IAM for service accounts there are still calls to CreateNetworkInterface using ec2 instance profile role according to Cloudtrail",
        "imds-fallback-node-role",
        "aws/amazon-vpc-cni-k8s/issues/1454",
    ),
    (
        "We were able to configure the runner pod to use the right service account with ECR push permission, but the workflow job pod that runs the actual job is using `default` service account that doesn't have ECR push permission.",
        "sa-mismatch",
        "actions/actions-runner-controller/issues/2754",
    ),
    (
        'File "/usr/local/lib/python2.7/site-packages/botocore/auth.py", line 315, in add_auth\nraise NoCredentialsError\nbotocore.exceptions.NoCredentialsError: Unable to locate credentials',
        "pod-predates-association",
        "https://repost.aws/knowledge-center/eks-troubleshoot-sdk-workload",
    ),
    (
        "The cause was an AWS_ACCESS_KEY_ID environment variable in a Secret that was taking precedence over the IRSA configuration. The SDK found credentials and stopped looking.",
        "static-aws-keys-shadow",
        "https://hackernoon.com/the-credential-precedence-mistake-that-shows-up-two-weeks-later-in-an-audit",
    ),
    (
        '{"message":"User: arn:aws:iam::<xxxxxxxxxx>:user/<iam user name> is not authorized to perform: secretsmanager:GetSecretValue on resource: db-connection"',
        "static-aws-keys-shadow",
        "external-secrets/kubernetes-external-secrets/issues/808",
    ),
]


def test_every_text_has_its_source() -> None:
    for *_, source in (*PUBLIC, *UNDECIDED):
        assert source.startswith("https://") or source.count("/") >= 3, source


@table(("text", "first", "source"), PUBLIC)
def test_the_first_answer_is_right(text: str, first: str, source: str) -> None:
    found = explain(text)
    assert (found.matches[0].id, found.certainty is Certainty.POSSIBLE) == (first, False), source


@table(("text", "first", "source"), UNDECIDED)
def test_an_undecided_text_names_the_most_frequent_mode_first(text: str, first: str, source: str) -> None:
    found = explain(text)
    assert (found.matches[0].id, found.certainty) == (first, Certainty.POSSIBLE), source
