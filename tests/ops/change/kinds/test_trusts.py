"""Trust policies of roles, and OIDC providers."""

from types import SimpleNamespace
from typing import cast

from ops.change.plan_world import ARN, CI
from ops.change.support import HEADER
from podid.calls.patience import Patience
from podid.domain.aws import OidcProvider, Role
from podid.ops.change.kinds import OIDC_PROVIDER, ROLE, ROLE_TRUST
from podid.ops.clients import Clients, Site


def test_the_trust_policy_is_part_of_the_state_of_its_role() -> None:
    role = Role(name="a", arn=ARN + "a", path="/", role_id="AROA", trust=CI)
    assert ROLE_TRUST.state_of(role) == {"roleName": "a", "policyDocument": ROLE.state_of(role)["trustPolicy"]}


PROVIDER = OidcProvider(
    arn="arn:aws:iam::111122223333:oidc-provider/oidc.eks.us-west-2.amazonaws.com/id/A",
    url="oidc.eks.us-west-2.amazonaws.com/id/A",
    client_ids=("sts.amazonaws.com",),
    thumbprints=("a" * 40,),
    tags={"team": "a"},
)


class Iam:
    """Keep OIDC providers by ARN."""

    def __init__(self) -> None:
        self.providers: dict[str, OidcProvider] = {}

    def find_oidc_provider(self, arn: str) -> OidcProvider | None:
        return self.providers.get(arn)

    def create_oidc_provider(self, provider: OidcProvider) -> None:
        self.providers[provider.arn] = provider

    def delete_oidc_provider(self, arn: str) -> None:
        del self.providers[arn]


def test_a_deleted_oidc_provider_is_created_again_as_it_was() -> None:
    iam, state, patience = Iam(), OIDC_PROVIDER.state_of(PROVIDER), cast("Patience", None)
    site = Site(cast("Clients", SimpleNamespace(iam=iam)), HEADER)
    keys = {"providerArn": PROVIDER.arn}
    assert OIDC_PROVIDER.read(site, keys) is None
    assert OIDC_PROVIDER.write(site, OIDC_PROVIDER.action(None, state), patience) == state
    assert (iam.providers, OIDC_PROVIDER.read(site, keys)) == ({PROVIDER.arn: PROVIDER}, state)
    assert OIDC_PROVIDER.write(site, OIDC_PROVIDER.action(state, None), patience) is None
    assert iam.providers == {}
