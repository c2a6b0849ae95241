"""OIDC providers are created and deleted, and read as they were written even if IAM lags."""

from podid.aws.session import AwsSession
from podid.domain.aws import OidcProvider
from worlds import ACCOUNT, Site

PROVIDER = OidcProvider(
    arn=f"arn:aws:iam::{ACCOUNT}:oidc-provider/oidc.example.com/id/1",
    url="oidc.example.com/id/1",
    client_ids=("sts.amazonaws.com",),
    thumbprints=("9" * 40,),
)


def test_providers_with_and_without_a_lag(account: Site) -> None:
    for lags in ({}, {"*OpenIDConnectProvider*": 60.0}):
        account.box.world.delays.lags.update(lags)
        iam = AwsSession(None, "us-west-2", env=account.env).iam
        before = iam.list_oidc_providers()
        iam.create_oidc_provider(PROVIDER)
        assert iam.find_oidc_provider(PROVIDER.arn) == PROVIDER
        assert set(iam.list_oidc_providers()) == {*before, PROVIDER.arn}
        iam.delete_oidc_provider(PROVIDER.arn)
        assert iam.find_oidc_provider(PROVIDER.arn) is None
        assert iam.list_oidc_providers() == before
