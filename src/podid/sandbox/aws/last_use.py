"""IAM's last accessed information: the attempts of a role to use services and tracked actions.

https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_last-accessed.html
https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetServiceLastAccessedDetails.html
"""

import fnmatch
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from uuid import uuid4

from podid.sandbox.aws.moto_backend import IamStore
from podid.sandbox.aws.policy import as_list, statements
from podid.sandbox.aws.protocol import AwsError, Form, XmlValue, load_model
from podid.sandbox.credentials import Credential
from podid.sandbox.world import UsageReport, World

_PERIOD = 400 * 86400
_PAGE = 100
# the services of the sandbox, and those of their actions that IAM tracks: management actions
_NAMES = {
    "cloudtrail": "AWS CloudTrail",
    "dynamodb": "Amazon DynamoDB",
    "ec2": "Amazon EC2",
    "ecr": "Amazon Elastic Container Registry",
    "eks": "Amazon Elastic Kubernetes Service",
    "elasticloadbalancing": "Elastic Load Balancing",
    "events": "Amazon EventBridge",
    "iam": "AWS Identity and Access Management",
    "kms": "AWS Key Management Service",
    "logs": "Amazon CloudWatch Logs",
    "route53": "Amazon Route 53",
    "s3": "Amazon S3",
    "secretsmanager": "AWS Secrets Manager",
    "sns": "Amazon SNS",
    "sqs": "Amazon SQS",
    "ssm": "AWS Systems Manager",
    "sts": "AWS Security Token Service",
}
_TRACKED = {
    "dynamodb": ("CreateTable", "DeleteTable", "DescribeTable", "ListTables", "UpdateTable"),
    "s3": ("CreateBucket", "DeleteBucket", "GetBucketPolicy", "ListAllMyBuckets", "PutBucketPolicy"),
    "secretsmanager": ("CreateSecret", "DeleteSecret", "DescribeSecret", "GetSecretValue", "ListSecrets"),
    "sns": ("CreateTopic", "DeleteTopic", "GetTopicAttributes", "ListTopics", "SetTopicAttributes"),
    "sqs": ("CreateQueue", "DeleteQueue", "GetQueueAttributes", "GetQueueUrl", "ListQueues", "SetQueueAttributes"),
}
_MODELLED = ("ec2", "eks", "iam")


class LastAccessed:
    """Answers the two operations of IAM, and records the calls of pods. Denied attempts count too."""

    def __init__(self, world: World, iam: IamStore) -> None:
        self._world = world
        self._iam = iam
        self.operations: Mapping[str, Callable[[Form, Credential], Mapping[str, XmlValue]]] = {
            "GenerateServiceLastAccessedDetails": self._generate,
            "GetServiceLastAccessedDetails": self._get,
        }

    def tried(self, role_arn: str, service: str, action: str, at: float | None = None) -> None:
        """Record an attempt of the role to use the service, now or at `moment`."""
        world, moment = self._world, self._world.clock.now() if at is None else at
        with world.lock:
            before = world.accesses.get((role_arn, service, action), (0.0, ""))
            world.accesses[role_arn, service, action] = max(before, (moment, world.region))
            self._iam.role_used(role_arn, datetime.fromtimestamp(int(moment), UTC), world.region)

    def _generate(self, form: Form, caller: Credential) -> Mapping[str, XmlValue]:
        arn, granularity = form.get("Arn", ""), form.get("Granularity", "SERVICE_LEVEL")
        if self._iam.find(arn) is None:
            raise AwsError("NoSuchEntity", f"ARN {arn} does not exist.", 404)
        if granularity not in ("SERVICE_LEVEL", "ACTION_LEVEL"):
            raise AwsError("InvalidInput", f"Granularity {granularity} is not valid.", 400)
        job_id = str(uuid4())
        made_at = self._world.clock.now() + self._world.delays.report
        self._world.reports[job_id] = UsageReport(arn, granularity, caller.role_arn or caller.arn, made_at)
        return {"JobId": job_id}

    def _get(self, form: Form, caller: Credential) -> Mapping[str, XmlValue]:
        job_id = form.get("JobId", "")
        report = self._world.reports.get(job_id)
        if report is None or report.caller != (caller.role_arn or caller.arn):
            raise AwsError("NoSuchEntity", f"Job {job_id} does not exist.", 404)
        created = _time(report.made_at - self._world.delays.report)
        head: dict[str, XmlValue] = {"JobType": report.granularity, "JobCreationDate": created}
        if report.made_at > self._world.clock.now():
            return {**head, "JobStatus": "IN_PROGRESS", "ServicesLastAccessed": [], "JobCompletionDate": created}
        services = list(self._services(report))
        begin, size = int(form.get("Marker") or 0), int(form.get("MaxItems") or _PAGE)
        end = begin + size
        more: dict[str, XmlValue] = {"IsTruncated": str(end < len(services)).lower()}
        if end < len(services):
            more["Marker"] = str(end)
        return {
            **head,
            "JobStatus": "COMPLETED",
            "ServicesLastAccessed": services[begin:end],
            "JobCompletionDate": _time(report.made_at),
            **more,
        }

    def _services(self, report: UsageReport) -> Iterator[XmlValue]:
        """Yield the services that the principal's policies allow. IAM ignores the boundary and denials here."""
        patterns = [
            str(action).lower()
            for document in self._iam.identity_policies(report.arn)
            for statement in statements(document)
            if statement.get("Effect") == "Allow"
            for action in as_list(statement.get("Action", "*" if "NotAction" in statement else []))
        ]
        prefixes = {pattern.partition(":")[0] for pattern in patterns}
        names = {name for name in _NAMES if any(fnmatch.fnmatchcase(name, prefix) for prefix in prefixes)}
        names |= {prefix for prefix in prefixes if not set("*?") & set(prefix)}
        oldest = self._world.clock.now() - _PERIOD
        for name in sorted(names):
            tries = {
                action: when
                for (arn, service, action), when in self._world.accesses.items()
                if (arn, service) == (report.arn, name) and when[0] >= oldest
            }
            service: dict[str, XmlValue] = {"ServiceName": _NAMES.get(name, name), "ServiceNamespace": name}
            if tries:
                moment, region = max(tries.values())
                service |= {"LastAuthenticated": _time(moment), "LastAuthenticatedEntity": report.arn}
                service["LastAuthenticatedRegion"] = region
            service["TotalAuthenticatedEntities"] = str(int(bool(tries)))
            if report.granularity == "ACTION_LEVEL" and _tracked(name):
                allowed = [a for a in _tracked(name) if any(_matches(p, f"{name}:{a}") for p in patterns)]
                service["TrackedActionsLastAccessed"] = [_action(a, tries.get(a), report.arn) for a in allowed]
            yield service


def _action(name: str, when: tuple[float, str] | None, arn: str) -> XmlValue:
    if when is None:
        return {"ActionName": name}
    return {
        "ActionName": name,
        "LastAccessedEntity": arn,
        "LastAccessedTime": _time(when[0]),
        "LastAccessedRegion": when[1],
    }


def _matches(pattern: str, action: str) -> bool:
    return fnmatch.fnmatchcase(action.lower(), pattern)


@cache
def _tracked(service: str) -> tuple[str, ...]:
    if service in _MODELLED:
        return tuple(sorted(load_model(service)["operations"]))
    return _TRACKED.get(service, ())


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
