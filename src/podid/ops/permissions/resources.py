"""Read the policies of the resources of a request."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from podid.calls import pacing
from podid.domain.errors import CredentialsError, InvalidInput, PodidError
from podid.domain.names import Arn
from podid.domain.policy.resource import ResourcePolicy
from podid.ops.role.uses import Unread

if TYPE_CHECKING:
    from podid.aws.resource_policies import Document, ResourcePolicies


@dataclass(frozen=True, slots=True)
class ReadPolicies:
    """The policies by resource, as far as they could be read."""

    policies: Mapping[str, ResourcePolicy]
    unread: tuple[Unread, ...] = ()


def read_resource_policies(client: ResourcePolicies, resources: Iterable[str], account: str) -> ReadPolicies:
    """Return the policies of single resources of the account. The account of a bucket is not in its ARN: only that
    account can read the policy."""
    readers: dict[str, tuple[str, Callable[[], Document | None]]] = {}
    unread: list[Unread] = []
    for resource in dict.fromkeys(resources):
        arn = _arn(resource)
        reader = _reader(client, arn) if arn is not None and arn.account in ("", account) else None
        if reader is None:
            unread.append(Unread(f"the resource policy of {resource}", _reason(arn, account)))
        else:
            readers[resource] = reader
    policies: dict[str, ResourcePolicy] = {}
    for resource, answer in pacing.fan_out(pacing.attempt(lambda key: readers[key][1]()), readers, reads=True):
        name = readers[resource][0]
        if isinstance(answer, CredentialsError):
            raise answer
        if isinstance(answer, PodidError):
            unread.append(Unread(f"the {name}", answer.message, answer.permission))
        else:
            policies[resource] = ResourcePolicy(name, answer, required=name.startswith("key policy"))
    return ReadPolicies(policies, tuple(dict.fromkeys(unread)))


def _arn(resource: str) -> Arn | None:
    try:
        return None if set("*?") & set(resource) else Arn.parse(resource)
    except InvalidInput:
        return None


def _reader(client: ResourcePolicies, arn: Arn) -> tuple[str, Callable[[], Document | None]] | None:
    """Return the name of the policy and how it is read; None if podid does not read it."""
    name = arn.resource.partition("/")[0]
    if arn.service == "s3" and not arn.account:
        return f"bucket policy of {name}", lambda: client.find_bucket_policy(name)
    if arn.service == "kms" and name == "key":
        return f"key policy of {arn.resource}", lambda: client.find_key_policy(arn)
    if arn.service == "sqs":
        return f"queue policy of {arn.resource}", lambda: client.find_queue_policy(arn)
    others = {
        "secretsmanager": client.find_secret_policy,
        "sns": client.find_topic_policy,
        "lambda": client.find_function_policy,
        "dynamodb": client.find_table_policy,
    }
    find = others.get(arn.service)
    return (f"resource policy of {arn.resource}", lambda: find(arn)) if find is not None else None


def _reason(arn: Arn | None, account: str) -> str:
    if arn is None:
        return "it is not a single resource"
    if arn.account not in ("", account):
        return f"the resource is in account {arn.account}"
    return f"podid does not read those of {arn.service}"
