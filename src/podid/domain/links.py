"""The ten links of the way from an association to a pod's credentials, by number and by name."""

# 0 is podid's own access to the account and the cluster
LINKS = (
    "podid's own access",
    "association",
    "service account",
    "injection",
    "SDK",
    "network",
    "agent",
    "node role",
    "EKS Auth",
    "trust",
    "permissions",
)

ASSOCIATION, INJECTION, NETWORK, EKS_AUTH, TRUST = 1, 3, 5, 8, 9


def link_words(number: int) -> str:
    """`6 agent`: a number alone says nothing to a reader."""
    return f"{number} {LINKS[number]}"
