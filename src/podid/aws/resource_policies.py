"""The policies of resources: buckets, keys, queues and secrets. Only the account of a resource can read its policy."""

import json
from collections.abc import Callable, Mapping

from podid.aws.api import Api
from podid.domain.foreign import Malformed, Object, as_object, inner_or_empty, text, text_or
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

    @needs("sqs:GetQueueUrl", "sqs:GetQueueAttributes")
    def find_queue_policy(self, arn: Arn) -> Document | None:
        api, subject = self._api("sqs", arn.region), f"queue {arn}"
        params = {"QueueName": arn.resource, "QueueOwnerAWSAccountId": arn.account}
        url = api.find("GetQueueUrl", params, subject, lambda answer: text(answer, "QueueUrl"))
        if url is None:
            return None

        def read(answer: Object) -> Document | None:
            return _document("Policy")(inner_or_empty(answer, "Attributes"))

        return api.find("GetQueueAttributes", {"QueueUrl": url, "AttributeNames": ["Policy"]}, subject, read)

    @needs("secretsmanager:GetResourcePolicy")
    def find_secret_policy(self, arn: Arn) -> Document | None:
        api, subject = self._api("secretsmanager", arn.region), f"secret {arn}"
        return api.find("GetResourcePolicy", {"SecretId": str(arn)}, subject, _document("ResourcePolicy"))


def _document(member: str) -> Callable[[Object], Document | None]:
    """Return the reader of a policy as JSON text; None without the member."""

    def read(answer: Object) -> Document | None:
        policy = text_or(answer, member)
        if not policy:
            return None
        try:
            return as_object(json.loads(policy))
        except (ValueError, RecursionError):
            raise Malformed(f"{member} is not JSON") from None

    return read
