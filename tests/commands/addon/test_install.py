"""Refusals of `podid addon install`."""

import pytest

from ops.change.support import writes
from worlds import Site


@pytest.mark.parametrize(
    ("argv", "code", "message"),
    [
        (("vpc-cnii",), 5, "EKS offers no add-on vpc-cnii for Kubernetes 1.35; did you mean vpc-cni?"),
        (("eks-pod-identity-agent",), 2, "podid install-agent installs eks-pod-identity-agent"),
        (("vpc-cni", "--addon-version", "v9"), 5, "vpc-cni v9 does not exist for Kubernetes 1.35"),
        (("vpc-cni", "--role", "aws-node"), 2, "--role 'aws-node' is not SA=ROLE"),
        (("vpc-cni", "--role", "aws-node=nosuch"), 5, "Role nosuch does not exist"),
        (("vpc-cni", "--role", "aws-nod=storefront"), 6, "does not support Pod Identity for aws-nod"),
        (("vpc-cni", "--config", "replicaCount=many"), 2, "does not accept this configuration"),
    ],
)
def test_installations_that_are_refused(account: Site, argv: tuple[str, ...], code: int, message: str) -> None:
    refused = account("addon", "install", *argv)
    assert (refused.code, refused.stdout, writes(account.box)) == (code, "", 0), refused
    assert message in refused.stderr
