"""IAM's reports on the last use of permissions, as the sandbox makes them."""

import pytest

from podid.sandbox.credentials import Credential
from worlds import ACCOUNT, Site


def test_only_who_asked_for_a_report_can_read_it(account: Site) -> None:
    iam = account.aws("iam")
    role = iam.get_role(RoleName="storefront")["Role"]["Arn"]
    job = iam.generate_service_last_accessed_details(Arn=role, Granularity="ACTION_LEVEL")["JobId"]
    assert iam.get_service_last_accessed_details(JobId=job)["JobStatus"] == "IN_PROGRESS"
    account.clock.advance(2)
    assert iam.get_service_last_accessed_details(JobId=job)["JobStatus"] == "COMPLETED"
    other: Credential = account.box.world.credentials.add_user("someone", account=ACCOUNT)
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        account.aws("iam", key=other).get_service_last_accessed_details(JobId=job)
