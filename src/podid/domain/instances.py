"""What EC2 says of a node's instance, as far as credentials depend on it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """`profile_arn` is empty for one without an instance profile; `metadata` is whether its metadata service is on, and
    `hop_limit` how far an answer of it gets: 1 ends at the node, and 0 stands for what EC2 did not say."""

    id: str
    profile_arn: str = ""
    metadata: bool = True
    hop_limit: int = 0
