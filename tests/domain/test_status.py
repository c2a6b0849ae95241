"""States of identities, and the credentials of containers."""

from podid.domain.status import ContainerUse, CredentialCandidate, CredentialSource


def test_an_sdk_uses_the_first_source_that_is_certain() -> None:
    may = CredentialCandidate(CredentialSource.PROFILE, "p", certain=False)
    pods, node = (
        CredentialCandidate(CredentialSource.POD_IDENTITY),
        CredentialCandidate(CredentialSource.NODE_ROLE, certain=False),
    )
    both = ContainerUse("app", (may, pods, node))
    assert (both.uses, both.certain, both.unless, both.unused) == ("pod-identity", False, (may,), (node,))
    last = ContainerUse("app", (may, node))
    assert (last.uses, last.certain, last.unless, last.unused) == ("node-role", False, (may,), ())
