"""The clusters of a command: by tags, in every region, and in other accounts."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from podid.domain.errors import Again, InvalidInput, NotFound, PodidError, UsageError
from podid.domain.option import option, options, repeatable, switch
from podid.ops.options import CLUSTER_TAGS

if TYPE_CHECKING:
    from podid.aws.eks import Eks
    from podid.aws.session import AwsSession


class Shard(NamedTuple):
    """One of `parts` parts of the clusters, from 0."""

    number: int
    parts: int

    def has(self, cluster_arn: str) -> bool:
        """Return whether the cluster belongs to this part. The answer depends on its ARN only."""
        digest = hashlib.sha256(cluster_arn.encode()).digest()
        return int.from_bytes(digest[:8], "big") % self.parts == self.number


def _account_ids(texts: Sequence[str]) -> tuple[str, ...]:
    accounts = [part.strip() for text in texts for part in text.split(",")]
    for account in accounts:
        if not re.fullmatch(r"\d{12}", account):
            raise InvalidInput(f"--accounts {account!r} is not a 12-digit account ID", subject=account)
    return tuple(dict.fromkeys(accounts))


def _role(text: str) -> str:
    if not re.fullmatch(r"/?([\w+=,.@-]+/)*[\w+=,.@-]{1,64}", text, re.ASCII):
        message = f"--assume-role {text!r} is not the name of a role, with its path if it has one"
        raise InvalidInput(message, subject=text)
    return text.removeprefix("/")


def _shard(text: str) -> Shard:
    match = re.fullmatch(r"(\d{1,5})/(\d{1,5})", text)
    shard = Shard(int(match[1]), int(match[2])) if match else Shard(0, 0)
    if not shard.number < shard.parts:
        message = f"--shard {text!r} is not INDEX/COUNT, with an index from 0 to COUNT - 1"
        raise InvalidInput(message, subject=text)
    return shard


@options
class ClusterOptions:
    """Options that select clusters in several regions and accounts."""

    all_clusters: bool = switch("Every cluster of the region, or of each --region.")
    cluster_tags: Mapping[str, str] = CLUSTER_TAGS
    all_regions: bool = switch("Every cluster of each region enabled for the account.")
    assume_role: str = option("NAME", "Role to assume in each account.", read=_role)
    accounts: tuple[str, ...] = repeatable("ID[,ID...]", "With --assume-role, the accounts to read.", read=_account_ids)
    organization: bool = switch("With --assume-role, read each account of the organization.")
    external_id: str = option("ID", "External ID for --assume-role.")
    shard: Shard | None = option("INDEX/COUNT", "Only part INDEX (from 0) of COUNT parts of the clusters.", read=_shard)

    @property
    def in_accounts(self) -> bool:
        return bool(self.accounts) or self.organization

    @property
    def wide(self) -> bool:
        """Return whether names of clusters are not sufficient: they may recur in other accounts or regions."""
        return self.all_regions or self.in_accounts or self.shard is not None

    @property
    def every(self) -> bool:
        """Return whether the clusters are listed instead of named."""
        return self.all_clusters or bool(self.cluster_tags) or self.wide

    def check_together(self, typed: Sequence[str], *, profiles: int) -> None:
        """Raise UsageError for options that cannot be used together; `typed` are options of the command line that
        select a place, `profiles` is the number of profiles."""
        if self.every and "--cluster" in typed:
            name = "--cluster-tag" if self.cluster_tags else "--all-clusters" if self.all_clusters else self._widest
            raise UsageError(f"--cluster and {name} cannot be used together")
        if self.all_clusters and self.cluster_tags:
            raise UsageError("--all-clusters and --cluster-tag cannot be used together")
        if self.all_regions and "--region" in typed:
            raise UsageError("--region and --all-regions cannot be used together")
        if self.accounts and self.organization:
            raise UsageError("--accounts and --organization cannot be used together")
        if self.in_accounts and not self.assume_role:
            raise UsageError("--accounts and --organization require --assume-role: the role to assume in each account")
        if self.assume_role and not self.in_accounts:
            message = "--assume-role requires --accounts or --organization: the accounts in which the role is assumed"
            raise UsageError(message, hint=Again(add=("--organization",)))
        if self.external_id and not self.assume_role:
            raise UsageError("--external-id requires --assume-role")
        if self.assume_role and profiles > 1:
            raise UsageError("--assume-role and several --profile cannot be used together")

    @property
    def _widest(self) -> str:
        accounts = "--accounts" if self.accounts else "--organization"
        return "--all-regions" if self.all_regions else accounts if self.in_accounts else "--shard"


def account_ids(aws: AwsSession, chosen: ClusterOptions) -> tuple[str, ...]:
    """Return the accounts of --accounts or --organization. Suspended and closed accounts are omitted."""
    return chosen.accounts or aws.organizations.list_active_accounts()


def enabled_regions(aws: AwsSession) -> tuple[str, ...]:
    """Return the regions with EKS that are enabled for the account, that of the session first. If EC2 does not list
    them, AWS Account Management does too."""
    try:
        enabled = aws.ec2.list_regions()
    except PodidError as error:
        try:
            enabled = aws.account_management.list_regions()
        except PodidError:
            raise error from None
    return tuple(region for region in aws.eks_regions if region in enabled)


def tagged_clusters(eks: Eks, tags: Mapping[str, str], region: str) -> tuple[str, ...]:
    """Return the region's clusters that have all of these tags, sorted. Raise NotFound if there is none, and the error
    of a cluster whose tags cannot be read: it might match. A cluster that was deleted meanwhile is omitted."""
    from podid.calls import pacing

    all_tags = dict(pacing.fan_out(eks.find_cluster_tags, eks.list_clusters()))
    names = tuple(name for name, own in sorted(all_tags.items()) if own is not None and tags.items() <= own.items())
    if not names:
        words = " and ".join(f"{key}={value}" for key, value in tags.items())
        raise NotFound(f"No cluster in {region} has the tag {words}", hint=("aws", "eks", "list-clusters"))
    return names
