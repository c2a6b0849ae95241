"""EC2: only what podid asks of it."""

from podid.aws.api import Api


class Ec2:
    def __init__(self, api: Api) -> None:
        self._api = api

    def list_regions(self) -> tuple[str, ...]:
        """The regions that are enabled for the account, sorted."""
        answer = self._api.read("DescribeRegions", {}, "the account's regions")
        return tuple(sorted(region["RegionName"] for region in answer["Regions"]))
