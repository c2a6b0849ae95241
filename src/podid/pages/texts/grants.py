"""Texts of EKS Auth, IAM and EKS, of products and webhooks in between, and of podid's own access."""

from podid.pages.texts.form import (
    FAILED,
    ITSELF,
    NO_ASSOCIATION,
    NO_LONGER,
    NODE_ROLE,
    NODE_SESSION,
    NOT_OF_PODS,
    POD_SESSION,
    POD_SIGN,
    UNAUTHORIZED,
    SharedText,
    form,
    text,
)

GRANTS: tuple[SharedText, ...] = (
    # answers of EKS Auth
    text(9, UNAUTHORIZED, "eks does not have permissions to assume the associated role"),
    text(8, "association-missing association-deleted-env-remains", "no service account role association for it"),
    text(8, "association-missing association-deleted-env-remains", "resourcenotfoundexception", "no association found"),
    text(8, "agent-expired-token-noise sa-recreated-token-invalid", NO_LONGER, "expiredtokenexception"),
    text(8, NO_ASSOCIATION, NO_LONGER, "resourcenotfoundexception"),
    text(8, f"node-role-missing-eks-auth {UNAUTHORIZED}", NO_LONGER, "accessdeniedexception"),
    text(7, NO_ASSOCIATION, "assumeroleforpodidentity", "resourcenotfoundexception"),
    form(
        7,
        "eks-auth-unreachable eks-auth-throttled agent-timeout-context-canceled",
        r"assumeroleforpodidentity.{0,160}(statuscode:5\d\d|internalserver|serviceunavailable)",
    ),
    # the agent's own credentials
    form(
        7,
        "agent-imds-unavailable node-role-missing-eks-auth agent-hijacked-by-default-sa",
        r"assumeroleforpodidentity.{0,200}(getidentity:|unrecognizedclient|invalidclienttoken|thesecuritytoken|invalidsignature)",
    ),
    form(5, "association-missing association-deleted-env-remains", r"association.{0,20}a-[a-z0-9]{6,}.{0,30}notfound"),
    text(
        7,
        "agent-expired-token-noise sa-recreated-token-invalid node-clock-skew",
        "the token included in the request is expired",
    ),
    # the agent's answer to an application that has not read its token again
    form(
        8,
        "sdk-too-old custom-credential-chain node-clock-skew sa-recreated-token-invalid",
        r"(containermetadata|container-role|failedtoloadcredentials).{0,400}"
        r"thetokenincludedintherequestisexpired|"
        r"\(expiredtokenexception\):thetokenincludedintherequestisexpired.{0,160}fault:client",
    ),
    text(3, "agent-expired-token-noise sa-recreated-token-invalid node-clock-skew", "token provided has expired"),
    text(7, "sa-recreated-token-invalid node-clock-skew", "assumeroleforpodidentity", "invalidtokenexception"),
    text(3, "sa-recreated-token-invalid node-clock-skew", "invalidtokenexception"),
    # link 9, at the creation of a role or an association
    text(
        8,
        "trust-missing-tag-session trust-wrong-principal role-eventual-consistency",
        "trust policy of the role provided is invalid",
    ),
    form(7, "trust-wrong-principal", r"invalidprincipal.{0,60}pods?\.(eks\.)?amazonaws"),
    text(8, "role-eventual-consistency role-not-found", "role provided in the request does not exist"),
    form(5, "passrole-denied", rf"^(?!.*{NOT_OF_PODS}).*notauthorizedtoperform:iam:passrole"),
    text(3, "passrole-denied", "not authorized to perform: iam:passrole"),
    form(5, "passrole-denied", r"(create|update)addon.{0,400}notauthorizedtoperform:iam:passrole"),
    form(
        8, "cross-account-role-arn", r"(podidentityassociation|operationerroreks|wesley).{0,400}cross-accountpassrole"
    ),
    form(8, "duplicate-association", r"(resourceinuseexception|podidentity).{0,200}associationalreadyexists"),
    text(7, "passrole-denied", "podidentityassociation", "is not authorized to perform", "iam:passrole"),
    text(8, "self-managed-cluster-name-wrong", "no cluster found for name: eks_cluster_name"),
    form(8, "self-managed-cluster-name-wrong", r"(eksauth|assumeroleforpodidentity).{0,300}noclusterfoundforname"),
    text(3, "tool-aws-denied self-managed-cluster-name-wrong", "no cluster found for name"),
    form(4, "tool-aws-denied", r"notauthorizedtoperform:eks:(describe|list)"),
    form(5, "tool-aws-denied", r"notauthorizedtoperform:eks:[a-z]{0,20}(podidentityassociation|addon)"),
    text(
        7, "passrole-denied tool-aws-denied", "createpodidentityassociation", "not authorized to perform: iam:getrole"
    ),
    form(4, "tool-aws-denied passrole-denied", r"creatingiamrolestackforpodidentity"),
    form(7, "addon-owned-association", r"podidentityassociation.{0,200}(owned|managed)by.{0,8}add-?on"),
    form(5, "cross-account-role-arn", r"role.{0,80}notinthesameaccount"),
    form(3, "cross-account-role-arn", r"role.{0,80}(in|from|belongstoa?|ina)(nother|different)(aws)?account"),
    form(7, "association-quota", r"maximumnumberof.{0,20}podidentityassociations"),
    form(
        8,
        "session-policy-misconfig",
        r"sessiontagsmustbedisabled|disablesessiontagsmustbe|sessiontags.{0,80}sessionpolicy.{0,80}podidentityassociation",
    ),
    form(
        6,
        "session-policy-misconfig",
        r"policy.{0,60}(2,?048|toolong|toolarge).{0,120}podidentity|podidentity.{0,200}policy.{0,60}(2,?048|toolong)",
    ),
    form(5, "terraform-plan-never-converges addon-owned-association", r"pod_identity_association.{0,300}->null"),
    # link 10: denied with the correct identity, or with another one
    form(9, "app-assumes-own-role", ITSELF),
    form(
        9,
        "node-role-missing-eks-auth scp-denies-eks-auth",
        NODE_SESSION + r".{1,300}?notauthorizedtoperform:eks-auth:",
    ),
    # instances without pods print it as well
    form(6, "imds-fallback-node-role", NODE_SESSION + r".{1,300}?notauthorizedtoperform"),
    form(
        8,
        "imds-fallback-node-role",
        rf"^(?=.*?(?:{POD_SIGN}|nodeinstancerole|nodegroup|node-group)).*?{NODE_SESSION}.{{1,300}}?notauthorizedtoperform",
    ),
    form(6, "imds-fallback-node-role", NODE_SESSION),
    form(5, "imds-fallback-node-role", rf"nopermissions.{{0,200}}{NODE_ROLE}|{NODE_ROLE}.{{1,300}}notauthorizedto"),
    form(
        8,
        "chained-assume-missing-tag-session base-role-cannot-assume-target external-id-mismatch",
        POD_SESSION + r".{1,400}?notauthorizedtoperform:sts:tagsession",
    ),
    form(8, "session-policy-misconfig role-no-permissions", POD_SESSION + r".{1,600}?nosessionpolicyallows"),
    form(
        8,
        "permissions-boundary-denies role-no-permissions",
        POD_SESSION + r".{1,600}?(no|explicitdenyina)permissionsboundary",
    ),
    form(
        8,
        "scp-denies-eks-auth role-no-permissions",
        POD_SESSION + r".{1,600}?explicitdenyina(service|resource)control",
    ),
    form(7, "role-no-permissions", POD_SESSION + r".{1,300}?notauthorizedtoperform"),
    form(6, "role-no-permissions", POD_SESSION + r".{1,300}?(accessdenied|forbidden)"),
    # EKS itself is refused, not a session created by EKS
    form(9, "trust-missing-tag-session", r"pods\.eks\.amazonaws\.com.{0,200}notauthorizedtoperform:sts:tagsession"),
    form(9, "trust-wrong-principal", r"pods\.eks\.amazonaws\.com.{0,200}notauthorizedtoperform:sts:assumerole(?!w)"),
    # IAM users and GitHub workflows do not use Pod Identity
    form(
        5,
        "chained-assume-missing-tag-session base-role-cannot-assume-target external-id-mismatch",
        r"^(?:(?!:user/|/githubactions|/aws-?codebuild).){0,2000}?notauthorizedtoperform:sts:tagsession",
    ),
    # actions that pods call; the others are called by operators and pipelines
    form(
        5,
        "static-aws-keys-shadow role-no-permissions",
        rf"^(?=.*?{POD_SIGN}).*?:user/.{{1,200}}?notauthorizedtoperform:(?!eks:|iam:|sts:|cloudformation:)",
    ),
    text(3, "chained-assume-missing-tag-session", "not authorized to perform: sts:tagsession"),
    form(
        5, "chained-assume-missing-tag-session packed-policy-too-large", r"transitivetagkey|sessiontag.{0,80}transitive"
    ),
    # IAM names the policy that denies, for any caller
    text(5, "session-policy-misconfig role-no-permissions", "no session policy allows"),
    form(
        5,
        "permissions-boundary-denies role-no-permissions",
        rf"^(?=.*?{POD_SIGN}).*?(no|explicitdenyina)permissionsboundary",
    ),
    form(3, "permissions-boundary-denies role-no-permissions", r"(no|explicitdenyina)permissionsboundary"),
    form(
        4, "scp-denies-eks-auth role-no-permissions", rf"^(?=.*?{POD_SIGN}).*?explicitdenyina(service|resource)control"
    ),
    form(3, "scp-denies-eks-auth role-no-permissions", r"explicitdenyina(service|resource)control"),
    # a role of a controller of pods, not of a node, is denied
    form(
        4,
        "role-no-permissions",
        rf"^(?=.*?{POD_SIGN})(?!.*?(?:{NODE_ROLE}|{NODE_SESSION})).*?:assumed-role/.{{1,200}}?"
        r"notauthorizedtoperform:(?!sts:|eks|iam:passrole)",
    ),
    # link 2: products with their own settings for credentials
    text(
        8,
        "product-still-in-irsa-mode consumer-is-other-pod association-missing",
        "an iam role must be associated with service account",
    ),
    form(8, "product-still-in-irsa-mode", r"expectedenvvariable:'?aws_web_identity_token_file"),
    text(6, "product-still-in-irsa-mode irsa-annotation-leftover", "sts web identity provider (irsa)"),
    form(
        5,
        "product-still-in-irsa-mode custom-credential-chain",
        r"errorparsing.{0,40}metadata.{0,20}aws_?(access_?key_?id|secret_?access_?key|role_?arn)'?(notfound|doesn'texist)",
    ),
    form(
        6,
        "product-still-in-irsa-mode irsa-annotation-leftover",
        r"(eks\.amazonaws\.com/role-arn|role-?arnannotation).{0,24}"
        r"(notfound|missing|not(set|present|defined)|isempty|doesnotexist|required|mustbe)|"
        r"(missing|lacks?|without|doesnothave|hasno|no|needs|requires?|relieson|dependson|expects)(an?|the)?'?"
        r"(eks\.amazonaws\.com/role-arn|role-?arnannotation|iamroleannotation)",
    ),
    # a CSI driver that mounts with a pod's credentials
    form(
        5,
        "product-still-in-irsa-mode consumer-is-other-pod pod-predates-association",
        r"(mount|authenticationsource).{0,600}nosigningcredentialsavailable|"
        r"nosigningcredentialsavailable.{0,600}(mount|authenticationsource)",
    ),
    # link 3
    form(3, "association-sa-not-found sa-mismatch", r"lookingupserviceaccount"),
    form(
        5,
        "webhook-config-altered injection-missed-webhook",
        r"mutatingwebhookconfiguration.{0,80}pod-identity-webhook.{0,20}notfound",
    ),
    text(9, "webhook-config-altered injection-missed-webhook", "failed calling webhook", "iam-for-pods.amazonaws.com"),
    text(7, "webhook-config-altered injection-missed-webhook", "iam-for-pods.amazonaws.com"),
    form(8, "csi-driver-tokenrequest-missing", r"tokenforaudience'?pods\.eks.{0,80}notfound"),
    # drivers of other clouds print it as well
    form(5, "csi-driver-tokenrequest-missing", r"tokenforaudience.{0,80}notfound|serviceaccount\.tokensnot"),
    # podid's own access: texts that kubectl and AWS's tools print as well
    form(
        3, "tool-k8s-rbac-denied", r"isforbidden:user'(?!system:serviceaccount).{1,200}cannot(list|get|watch)resource"
    ),
    form(2, "tool-k8s-rbac-denied", r"isforbidden:user.{1,200}cannot(list|get|watch)resource"),
    form(
        3,
        "tool-k8s-rbac-denied kubeconfig-cluster-mismatch",
        r"mustbeloggedintotheserver|serverhasaskedfortheclienttoprovidecredentials",
    ),
    form(
        3,
        "tool-aws-denied",
        r"tokenhasexpiredandrefreshfailed|ssosession(associatedwiththisprofile)?hasexpired|unauthorizedssotoken|"
        r"errorloadingssotoken|theconfigprofile\(.{1,60}\)couldnotbefound",
    ),
    form(4, "tool-aws-denied kubeconfig-cluster-mismatch", r"gettingcredentials:exec:executableawsfailed"),
    form(2, "kubeconfig-cluster-mismatch tool-aws-denied", r"gettingcredentials:exec:"),
    form(
        3,
        "private-endpoint-unreachable eks-auth-unreachable",
        rf"//eks\.[a-z]+-[a-z]+-\d\.(amazonaws\.com|api\.aws).{{0,160}}{FAILED}",
    ),
    text(3, "private-endpoint-unreachable", "unable to connect to the server: net/http: request canceled"),
    form(3, "private-endpoint-unreachable", rf"(unabletoconnecttotheserver|clusterunreachable).{{0,120}}{FAILED}"),
    form(4, "kubeconfig-cluster-mismatch", r"contextwasnotfound|current-contextisnotset|invalidkubeconfig"),
    # the end of an API server's name, after the region
    form(
        5,
        "private-endpoint-unreachable kubeconfig-cluster-mismatch",
        rf"[a-z]-\d\.eks\.amazonaws\.com.{{0,240}}{FAILED}|{FAILED}.{{0,120}}[a-z]-\d\.eks\.amazonaws\.com",
    ),
)
