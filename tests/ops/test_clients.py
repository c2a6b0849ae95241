"""Clients that are built on first use."""

from types import SimpleNamespace
from typing import Any

import pytest

from podid.domain.errors import CredentialsError, Unavailable
from podid.ops.clients import Clients, KubeAccess

BOTH: Any = ("reader", "writer")
AWS: Any = SimpleNamespace(iam="own", eks="eks", listing_iam=lambda: "listing")


def test_kubernetes_access_is_set_up_once() -> None:
    connections: list[int] = []

    def connect() -> Any:
        connections.append(1)
        return KubeAccess(BOTH)

    clients = Clients(AWS, connect)
    assert connections == []
    assert (clients.kube.reader, clients.kube.needed().writer) == BOTH
    assert clients.for_many_roles().kube is clients.kube
    assert connections == [1]


def test_the_reason_for_missing_access_is_raised_on_use() -> None:
    access = KubeAccess(failure=CredentialsError("the token has expired"))
    for use in (access.needed, lambda: access.reader, lambda: access.writer):
        with pytest.raises(CredentialsError, match="the token has expired"):
            use()
    with pytest.raises(Unavailable):
        KubeAccess().needed()


def test_iam_of_profiles_and_for_many_roles() -> None:
    of_profile: Any = SimpleNamespace(iam="other")
    clients: Any = Clients(AWS, KubeAccess, aws_as={"prod": of_profile}.__getitem__)
    assert (clients.iam_of(""), clients.iam_of("prod")) == ("own", "other")
    many = clients.for_many_roles()
    assert (many.iam, many.eks, clients.for_many_roles("shared").iam) == ("listing", "eks", "shared")
