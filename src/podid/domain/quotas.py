"""How much AWS takes, where the answer to too much is a refusal.

Sources: EKS User Guide, "Service quotas", and EKS API Reference, "CreatePodIdentityAssociation"; IAM User Guide, "IAM
and AWS STS quotas". IAM counts characters without white space.
"""

ASSOCIATION_QUOTA = 5000  # of one cluster
NEAR_ASSOCIATION_QUOTA = ASSOCIATION_QUOTA * 8 // 10  # from here on it is worth a word
SESSION_POLICY_QUOTA = 2048  # characters, of one association
TRUST_POLICY_QUOTA = 2048  # characters; IAM's default
INLINE_QUOTA = 10_240  # characters, of all inline policies of a role together
