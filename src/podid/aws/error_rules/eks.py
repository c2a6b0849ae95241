"""What EKS alone says."""

from functools import partial

from podid.aws.error_rules.any_service import INVALID
from podid.domain.errors import AlreadyExists, LimitExceeded, Rejected, RoleUnknown, TrustRefused
from podid.domain.refusals import ErrorRule

_eks = partial(ErrorRule, service="eks")

RULES: tuple[ErrorRule, ...] = (
    _eks(
        RoleUnknown,
        "EKS does not know the role of {subject} ({text})",
        codes=INVALID,
        # the retry of https://github.com/hashicorp/terraform-provider-aws/pull/34717 is for this text
        fragments=("role provided in the request does not exist",),
        advice="A role made seconds ago is known within two minutes; otherwise check its ARN, path included.",
    ),
    _eks(
        TrustRefused,
        "EKS does not accept the trust policy of the role of {subject} ({text})",
        codes=INVALID,
        # https://github.com/hashicorp/terraform-provider-aws/issues/41483
        fragments=("trust policy of the role provided is invalid",),
        advice="It must let pods.eks.amazonaws.com do sts:AssumeRole and sts:TagSession.",
    ),
    _eks(
        Rejected,
        "the role of {subject} is in another account than the cluster ({text})",
        # https://github.com/eksctl-io/eksctl/issues/8718 does not record the code
        fragments=("cross-account pass role is not allowed",),
        id="cross-account-role-arn",
        advice="Associate a role of the cluster's account, and name the other account's role as the target role.",
    ),
    _eks(
        Rejected,
        "an association id has 19 characters, a- and 17 more ({text})",
        codes=INVALID,
        # https://github.com/aws-samples/eks-workshop-v2/issues/882
        fragments=("should be 19 characters long",),
    ),
    _eks(
        Rejected,
        "this version of the add-on cannot use Pod Identity ({text})",
        codes=INVALID,
        # https://github.com/terraform-aws-modules/terraform-aws-eks/issues/3520
        fragments=("pod identity feature is not supported for addon",),
        id="addon-pod-identity-unsupported",
        advice="Upgrade the add-on, or associate its service account yourself.",
    ),
    _eks(
        Rejected,
        "the add-on's configuration does not follow its schema ({text})",
        codes=INVALID,
        fragments=("json schema validation failed",),
        id="addon-config-schema-invalid",
    ),
    _eks(
        AlreadyExists,
        "{subject} exists already ({text})",
        codes=("ResourceInUseException",),
        fragments=("already exists",),
    ),
    _eks(
        AlreadyExists,
        "{subject} exists already ({text})",
        operations=("CreatePodIdentityAssociation",),
        codes=("ResourceInUseException",),
    ),
    _eks(
        LimitExceeded,
        "a quota of {service} is used up ({text})",
        operations=("CreatePodIdentityAssociation",),
        codes=("ResourceLimitExceededException",),
        id="association-quota",
    ),
)
