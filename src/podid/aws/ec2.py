"""EC2 as podid uses it: what the nodes' instances are."""

from collections.abc import Iterable, Sequence

from podid.aws.api import Api, PageTokens
from podid.domain.foreign import Object, inner_or_empty, inners_or_none, number_or, text, text_or
from podid.domain.instances import Instance
from podid.domain.rights import needs

# the most values that a filter takes: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Filter.html
_IDS_AT_ONCE = 200
# EC2 shows them for a while, without their profile
_GONE = ("shutting-down", "terminated")
_TOKENS = PageTokens("NextToken", "NextToken")


class Ec2:
    """One region's EC2."""

    def __init__(self, api: Api) -> None:
        self._api = api

    @needs("ec2:DescribeInstances")
    def list_instances(self, instance_ids: Sequence[str]) -> dict[str, Instance]:
        """By id; instances that do not exist are left out."""
        found: dict[str, Instance] = {}
        ids = sorted(set(instance_ids))
        for begin in range(0, len(ids), _IDS_AT_ONCE):
            # as a filter: an id that is gone would fail the whole call
            params = {"Filters": [{"Name": "instance-id", "Values": ids[begin : begin + _IDS_AT_ONCE]}]}
            read = self._api.items("DescribeInstances", params, "the nodes' instances", _instances, tokens=_TOKENS)
            found |= {instance.id: instance for instance in read}
        return found

    @needs(list_instances)
    def list_instance_profiles(self, instance_ids: Sequence[str]) -> dict[str, str]:
        """Instance id -> the ARN of its instance profile, empty for one that has none; instances that do not exist are
        left out."""
        return {each: instance.profile_arn for each, instance in self.list_instances(instance_ids).items()}


def _instances(page: Object) -> Iterable[Instance]:
    return [
        _instance(instance)
        for reservation in inners_or_none(page, "Reservations")
        for instance in inners_or_none(reservation, "Instances")
        if text_or(inner_or_empty(instance, "State"), "Name") not in _GONE
    ]


def _instance(item: Object) -> Instance:
    options = inner_or_empty(item, "MetadataOptions")
    return Instance(
        id=text(item, "InstanceId"),
        profile_arn=text_or(inner_or_empty(item, "IamInstanceProfile"), "Arn"),
        metadata=text_or(options, "HttpEndpoint") != "disabled",
        hop_limit=number_or(options, "HttpPutResponseHopLimit"),
    )
