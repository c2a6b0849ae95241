"""CloudFormation: only the question which stack has a resource.

https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStackResources.html
"""

from podid.sandbox.aws.protocol import AwsError, Form, XmlValue, timestamp
from podid.sandbox.world import World

NAMESPACE = "http://cloudformation.amazonaws.com/doc/2010-05-15/"


def describe_stack_resources(world: World, form: Form) -> dict[str, XmlValue]:
    """Return the resources of the stack that has the physical resource. AWS reports an error if none has it."""
    name = form.get("PhysicalResourceId", "")
    stack = next((stack for stack, roles in world.stacks.items() if name in roles), None)
    if stack is None:
        raise AwsError("ValidationError", f"Stack for {name} does not exist")
    arn = f"arn:{world.partition}:cloudformation:{world.region}:{world.account}:stack/{stack}/sandbox"
    return {
        "StackResources": [
            {
                "StackName": stack,
                "StackId": arn,
                "LogicalResourceId": f"Role{number}",
                "PhysicalResourceId": role,
                "ResourceType": "AWS::IAM::Role",
                "Timestamp": timestamp(world.clock.now()).strftime("%Y-%m-%dT%H:%M:%SZ"),
                "ResourceStatus": "CREATE_COMPLETE",
            }
            for number, role in enumerate(world.stacks[stack])
        ]
    }
