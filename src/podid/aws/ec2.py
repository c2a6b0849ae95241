"""EC2 as podid uses it: which instance profile a node's instance has."""

from collections.abc import Iterable, Sequence

from podid.aws.api import Api, PageTokens
from podid.domain.foreign import Object, inner_or_empty, inners_or_none, text, text_or
from podid.domain.rights import needs

# the most values that a filter takes: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Filter.html
_IDS_AT_ONCE = 200
_TOKENS = PageTokens("NextToken", "NextToken")


class Ec2:
    """One region's EC2."""

    def __init__(self, api: Api) -> None:
        self._api = api

    @needs("ec2:DescribeInstances")
    def list_instance_profiles(self, instance_ids: Sequence[str]) -> dict[str, str]:
        """Instance id -> the ARN of its instance profile, empty for one that has none; instances that do not exist are
        left out."""
        found: dict[str, str] = {}
        ids = sorted(set(instance_ids))
        for begin in range(0, len(ids), _IDS_AT_ONCE):
            # as a filter: an id that is gone would fail the whole call
            params = {"Filters": [{"Name": "instance-id", "Values": ids[begin : begin + _IDS_AT_ONCE]}]}
            found |= dict(
                self._api.items("DescribeInstances", params, "the nodes' instances", _profiles, tokens=_TOKENS)
            )
        return found


def _profiles(page: Object) -> Iterable[tuple[str, str]]:
    return [
        (text(instance, "InstanceId"), text_or(inner_or_empty(instance, "IamInstanceProfile"), "Arn"))
        for reservation in inners_or_none(page, "Reservations")
        for instance in inners_or_none(reservation, "Instances")
    ]
