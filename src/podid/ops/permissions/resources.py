"""The policies of the requested resources, beside the policies of a role."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from podid.aws.resource_policies import Document, ResourcePolicies
from podid.calls import pacing
from podid.domain.errors import CredentialsError, InvalidInput, PodidError
from podid.domain.names import Arn
from podid.domain.policy.evaluate import AccessVerdict, Ruling
from podid.domain.policy.resource import ResourcePolicy, beside
from podid.domain.section import Unread
from podid.ops.permissions.session import FREE, SessionAccess

OF_RESOURCES = Unread("resource policies", "podid can-i and podid who-can read them, with --resource")
# podid reads them for no command, so no answer includes their denials
NEVER_READ = (
    Unread("resource control policies", "podid does not read them"),
    Unread("VPC endpoint policies", "podid does not read them"),
)
BY_SIMULATOR = Unread("service control policies", "podid can-i simulates them")


@dataclass(frozen=True, slots=True)
class ReadPolicies:
    """The policies by resource of one account, as far as they could be read. `failed` are those that podid reads and
    could not read."""

    account: str
    policies: Mapping[str, ResourcePolicy]
    unread: tuple[Unread, ...] = ()
    failed: Mapping[str, Unread] = field(default_factory=dict)


def with_resource_policy(ruling: Ruling, access: SessionAccess, resources: ReadPolicies | None) -> Ruling:
    """Return the ruling with the policy of the resource, if the pods have a session. Without `resources`, no policy was
    read."""
    if resources is None or access.obstacle is not None or ruling.action.lower() == FREE:
        return ruling
    same = access.access.session.account == resources.account
    policy, arn = resources.policies.get(ruling.resource) if same else None, _arn(ruling.resource)
    if arn is not None and _is_role(arn) and not ruling.action.lower().startswith("sts:"):
        # a trust policy applies only to requests for sessions of the role
        return ruling
    if policy is not None:
        return beside(ruling, policy, access.access)
    if ruling.verdict is AccessVerdict.ALLOWED and arn is not None and (name := _required(arn)):
        reason = f"the {name} must allow it too, and podid did not read it"
        return replace(ruling, verdict=AccessVerdict.UNKNOWN, resources=(), reason=reason)
    if same and (unread := resources.failed.get(ruling.resource)) and not _denies(ruling):
        # it may deny an action that the role allows, and allow one that the role does not
        return replace(
            ruling,
            verdict=AccessVerdict.UNKNOWN,
            statement=None,
            layer="",
            resources=(),
            reason=f"{unread.what} could not be read: {unread.reason}",
            missing_permission=unread.permission,
        )
    return ruling


def _denies(ruling: Ruling) -> bool:
    """Return whether a statement denies the action: no policy of a resource can allow it."""
    return ruling.verdict is AccessVerdict.DENIED and ruling.statement is not None


def _required(arn: Arn) -> str:
    """Return the policy of the resource that must also allow an action; empty if the role's policies are enough."""
    if arn.service == "kms" and arn.resource.startswith("key/"):
        return f"key policy of {arn.resource}"
    return f"trust policy of role {arn.resource_name}" if _is_role(arn) else ""


def _is_role(arn: Arn) -> bool:
    return arn.service == "iam" and arn.resource.startswith("role/")


def read_resource_policies(client: ResourcePolicies, resources: Iterable[str], account: str) -> ReadPolicies:
    """Return the policies of single resources of the account. The account of a bucket is not in its ARN: only that
    account can read the policy."""
    readers: dict[str, tuple[str, Callable[[], Document | None]]] = {}
    unread: list[Unread] = []
    required: set[str] = set()
    for resource in dict.fromkeys(resources):
        arn = _arn(resource)
        reader = _reader(client, arn) if arn is not None and arn.account in ("", account) else None
        if arn is None or reader is None:
            unread.append(Unread(f"the resource policy of {resource}", _reason(arn, account)))
        else:
            readers[resource] = reader
            required |= {resource} if _required(arn) else set()
            if arn.service == "kms":
                unread.append(Unread(f"the grants of {arn.resource}", "podid does not read them"))
    policies: dict[str, ResourcePolicy] = {}
    failed: dict[str, Unread] = {}
    for resource, answer in pacing.fan_out(pacing.attempt(lambda key: readers[key][1]()), readers):
        name = readers[resource][0]
        if isinstance(answer, CredentialsError):
            raise answer
        if isinstance(answer, PodidError):
            failed[resource] = Unread(f"the {name}", answer.message, answer.permission)
            unread.append(failed[resource])
        elif answer is None and resource in required:
            unread.append(Unread(f"the {name}", "it does not exist"))
        else:
            policies[resource] = ResourcePolicy(name, answer, required=resource in required)
    return ReadPolicies(account, policies, tuple(dict.fromkeys(unread)), failed)


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
        return _required(arn), lambda: client.find_key_policy(arn)
    if _is_role(arn):
        return _required(arn), lambda: client.find_trust_policy(arn)
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
