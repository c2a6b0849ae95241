"""The check roles-shared-across-associations."""

from checks.builder import DENIED, association, healthy
from checks.grid import answers, messages

ID = "roles-shared-across-associations"
FAILS = healthy(associations=(association(), association("web")))
UNKNOWN = healthy(associations=DENIED)


def test_finding_and_unknown() -> None:
    assert answers(ID, FAILS) == [("fail", "info", "Role orders")]
    assert answers(ID, UNKNOWN) == [("unknown", "info", "Cluster prod")]
    assert messages(ID, FAILS) == [
        "2 service accounts in 2 namespaces share the role: all of them have the same permissions"
    ]
