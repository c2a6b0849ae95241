"""How much AWS takes, where the answer to too much is a refusal.

Sources: EKS User Guide, "Service quotas", and EKS API Reference, "CreatePodIdentityAssociation"; IAM User Guide, "IAM
and AWS STS quotas". IAM counts characters without white space.
"""

ASSOCIATION_QUOTA = 5000  # of one cluster
SESSION_POLICY_QUOTA = 2048  # characters, of one association
TRUST_POLICY_QUOTA = 2048  # characters; IAM's default
INLINE_QUOTA = 10_240  # characters, of all inline policies of a role together
