"""The policies of resources, such as buckets, keys and queues. Only the account of a resource can read its policy."""

from collections.abc import Callable, Mapping
from functools import partial

from podid.aws.api import Api
from podid.aws.decode import document, from_json
from podid.domain.foreign import Malformed, Object, as_object, inner, text, text_or
from podid.domain.iam import listed
from podid.domain.names import Arn
from podid.domain.permissions import needs

Document = Mapping[str, object]


class ResourcePolicies:
    """`api` returns the client of a service in a region, "" for that of the session. Each method returns None for a
    resource without a policy, and for one that does not exist."""

    def __init__(self, api: Callable[[str, str], Api]) -> None:
        self._api = api

    @needs("s3:GetBucketPolicy")
    def find_bucket_policy(self, bucket: str) -> Document | None:
        return self._api("s3", "").find("GetBucketPolicy", {"Bucket": bucket}, f"bucket {bucket}", _document("Policy"))

    @needs("kms:GetKeyPolicy")
    def find_key_policy(self, arn: Arn) -> Document | None:
        params = {"KeyId": str(arn), "PolicyName": "default"}
        return self._api("kms", arn.region).find("GetKeyPolicy", params, f"key {arn}", _document("Policy"))

    @needs("iam:GetRole")
    def find_trust_policy(self, arn: Arn) -> Document | None:
        """Return the role's trust policy, with the role as the Resource of its statements, which have none."""
        params, subject = {"RoleName": arn.resource_name}, f"role {arn}"
        return self._api("iam", "").find("GetRole", params, subject, partial(_trust, str(arn)))

    @needs("sqs:GetQueueUrl", "sqs:GetQueueAttributes")
    def find_queue_policy(self, arn: Arn) -> Document | None:
        api, subject = self._api("sqs", arn.region), f"queue {arn}"
        params = {"QueueName": arn.resource, "QueueOwnerAWSAccountId": arn.account}
        url = api.find("GetQueueUrl", params, subject, lambda answer: text(answer, "QueueUrl"))
        if url is None:
            return None
        # an answer without attributes has no member: the ARN shows that it is SQS's
        request = {"QueueUrl": url, "AttributeNames": ["Policy", "QueueArn"]}
        return api.find("GetQueueAttributes", request, subject, partial(_attribute, "QueueArn", str(arn)))

    @needs("secretsmanager:GetResourcePolicy")
    def find_secret_policy(self, arn: Arn) -> Document | None:
        api, subject = self._api("secretsmanager", arn.region), f"secret {arn}"
        return api.find("GetResourcePolicy", {"SecretId": str(arn)}, subject, _of_secret)

    @needs("sns:GetTopicAttributes")
    def find_topic_policy(self, arn: Arn) -> Document | None:
        api, params = self._api("sns", arn.region), {"TopicArn": str(arn)}
        return api.find("GetTopicAttributes", params, f"topic {arn}", partial(_attribute, "TopicArn", str(arn)))

    @needs("lambda:GetPolicy")
    def find_function_policy(self, arn: Arn) -> Document | None:
        """Return the policy of a function, or of the version or alias that the ARN names."""
        api, params = self._api("lambda", arn.region), {"FunctionName": str(arn)}
        return api.find("GetPolicy", params, f"function {arn}", _document("Policy"))

    @needs("dynamodb:GetResourcePolicy")
    def find_table_policy(self, arn: Arn) -> Document | None:
        """Return the policy of a table or a stream. For an index, return the policy of its table."""
        resource = str(arn).partition("/index/")[0]
        api, params = self._api("dynamodb", arn.region), {"ResourceArn": resource}
        return api.find("GetResourcePolicy", params, f"table {resource}", _document("Policy"))


def _document(member: str) -> Callable[[Object], Document]:
    """Return the reader of a policy as JSON text."""

    def read(answer: Object) -> Document:
        policy = as_object(from_json(text(answer, member), member))
        if "Statement" not in policy:
            raise Malformed(f"{member} has no Statement")
        return policy

    return read


def _of_secret(answer: Object) -> Document | None:
    text(answer, "ARN")
    return _document("ResourcePolicy")(answer) if text_or(answer, "ResourcePolicy") else None


def _trust(arn: str, answer: Object) -> Document | None:
    role = inner(answer, "Role")
    if text(role, "Arn") != arn:
        return None
    policy = document(role, "AssumeRolePolicyDocument")
    statements = listed(policy.get("Statement"))
    return {**policy, "Statement": [{"Resource": arn, **as_object(statement)} for statement in statements]}


def _attribute(name: str, arn: str, answer: Object) -> Document | None:
    """Return the attribute Policy, None without it. The attribute `name` must be the ARN."""
    attributes = inner(answer, "Attributes")
    if text(attributes, name) != arn:
        raise Malformed(f"{name} is not the requested one")
    return _document("Policy")(attributes) if text_or(attributes, "Policy") else None
