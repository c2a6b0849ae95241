"""The client for CloudFormation: the stack of a resource that CloudFormation does not tag."""

from podid.aws.api import ServiceGateway
from podid.domain.errors import Rejected
from podid.domain.foreign import Object, many, text, text_or
from podid.domain.owners import Owner, of_stack
from podid.domain.permissions import needs

_ROLE = "AWS::IAM::Role"


class CloudFormation(ServiceGateway):
    @needs("cloudformation:DescribeStackResources")
    def find_owner_of_role(self, name: str) -> Owner | None:
        """Return the stack of this region that has the role; None if no stack has it. CloudFormation also knows stacks
        that were deleted in the last 90 days."""

        def read(item: Object) -> tuple[str, str, str, str]:
            return (
                text(item, "ResourceType"),
                text_or(item, "PhysicalResourceId"),
                text_or(item, "ResourceStatus"),
                text_or(item, "StackName"),
            )

        request = {"PhysicalResourceId": name}
        try:
            resources = self._api.read("DescribeStackResources", request, f"role {name}", many("StackResources", read))
        except Rejected:
            return None  # the answer if no stack has the resource
        for kind, physical, status, stack in resources:
            if (kind, physical) == (_ROLE, name) and status != "DELETE_COMPLETE":
                return of_stack(stack)
        return None
