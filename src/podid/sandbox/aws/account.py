"""AWS Account Management: the regions of an account. Those of EC2 are enabled by default here."""

from collections.abc import Mapping

from botocore.session import get_session

from podid.sandbox.aws.service import Call, Handler, Result


def list_regions(call: Call) -> Result:
    """Return a page of regions with one of the statuses."""
    statuses = call.params.get("RegionOptStatusContains") or ["ENABLED_BY_DEFAULT"]
    names = sorted(get_session().get_available_regions("ec2", call.world.partition))
    regions = [{"RegionName": name, "RegionOptStatus": "ENABLED_BY_DEFAULT"} for name in names]
    chosen = regions if "ENABLED_BY_DEFAULT" in statuses else []
    begin, size = int(call.params.get("NextToken") or 0), int(call.params.get("MaxResults") or 50)
    token = {"NextToken": str(begin + size)} if begin + size < len(chosen) else {}
    return {"Regions": chosen[begin : begin + size], **token}


HANDLERS: Mapping[str, Handler] = {"ListRegions": list_regions}
