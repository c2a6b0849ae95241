"""Policies of resources, such as buckets, keys and queues, as far as a client reads them. The resources themselves are
not simulated: each of them exists, and a bucket exists if it has a policy.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketPolicy.html
"""

import json
from collections.abc import Mapping

from podid.sandbox.aws.protocol import AwsError, Entries, Form, XmlValue
from podid.sandbox.aws.service import Call, Handler, Result
from podid.sandbox.world import World

SNS_NAMESPACE = "http://sns.amazonaws.com/doc/2010-03-31/"


def bucket_policy(world: World, bucket: str) -> bytes:
    """Return the body of GetBucketPolicy: the policy itself."""
    policy = world.resource_policies.get(f"arn:{world.partition}:s3:::{bucket}")
    if policy is None:
        raise AwsError("NoSuchBucketPolicy", "The bucket policy does not exist", 404)
    return json.dumps(policy).encode()


def get_key_policy(call: Call) -> Result:
    """Return the policy of a key; that of a key without one enables the policies of IAM."""
    arn = call.params["KeyId"]
    root = {"AWS": f"arn:{call.world.partition}:iam::{call.world.account}:root"}
    default = {"Effect": "Allow", "Principal": root, "Action": "kms:*", "Resource": "*"}
    policy = call.world.resource_policies.get(arn, {"Version": "2012-10-17", "Statement": [default]})
    return {"Policy": json.dumps(policy), "PolicyName": "default"}


def get_queue_url(call: Call) -> Result:
    account = call.params.get("QueueOwnerAWSAccountId", call.world.account)
    return {"QueueUrl": f"https://sqs.{call.region}.amazonaws.com/{account}/{call.params['QueueName']}"}


def get_queue_attributes(call: Call) -> Result:
    """Return the requested attributes; without any, the answer has no member, as that of SQS."""
    account, name = call.params["QueueUrl"].split("/")[-2:]
    arn = f"arn:{call.world.partition}:sqs:{call.region}:{account}:{name}"
    policy = call.world.resource_policies.get(arn)
    known = {"QueueArn": arn, **({"Policy": json.dumps(policy)} if policy is not None else {})}
    requested = {key: value for key, value in known.items() if key in call.params["AttributeNames"]}
    return {"Attributes": requested} if requested else {}


def get_secret_policy(call: Call) -> Result:
    arn = call.params["SecretId"]
    policy = call.world.resource_policies.get(arn)
    named = {"ARN": arn, "Name": arn.rpartition(":")[2]}
    return {**named, "ResourcePolicy": json.dumps(policy)} if policy is not None else named


def topic_attributes(world: World, form: Form) -> dict[str, XmlValue]:
    """Return the policy of a topic. A new topic has one for the principals of its account."""
    arn = form.get("TopicArn", "")
    condition = {"StringEquals": {"AWS:SourceOwner": world.account}}
    default = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "SNS:Publish", "Resource": arn}
    own = {"Version": "2008-10-17", "Statement": [{"Sid": "__default_statement_ID", **default, "Condition": condition}]}
    policy = json.dumps(world.resource_policies.get(arn, own))
    return {"Attributes": Entries(TopicArn=arn, Policy=policy)}


def get_function_policy(call: Call) -> Result:
    arn = call.params["FunctionName"]
    policy = call.world.resource_policies.get(arn)
    if policy is None:
        raise AwsError("ResourceNotFoundException", "The resource you requested does not exist.", 404)
    return {"Policy": json.dumps(policy), "RevisionId": "1"}


def get_table_policy(call: Call) -> Result:
    arn = call.params["ResourceArn"]
    policy = call.world.resource_policies.get(arn)
    if policy is None:
        message = f"Resource-based policy not found for the provided ResourceArn: {arn}"
        raise AwsError("PolicyNotFoundException", message)
    return {"Policy": json.dumps(policy), "RevisionId": "1"}


HANDLERS: Mapping[str, Mapping[str, Handler]] = {
    "kms": {"GetKeyPolicy": get_key_policy},
    "sqs": {"GetQueueUrl": get_queue_url, "GetQueueAttributes": get_queue_attributes},
    "secretsmanager": {"GetResourcePolicy": get_secret_policy},
    "lambda": {"GetPolicy": get_function_policy},
    "dynamodb": {"GetResourcePolicy": get_table_policy},
}
