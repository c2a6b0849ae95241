from dataclasses import replace
from typing import Any

import pytest

from checks.builder import DENIED, TARGET_ARN, association, healthy
from checks.grid import answers, messages

ID = "roles-shared-across-associations"
FAILS = healthy(associations=(association(), association("web")))
UNKNOWN = healthy(associations=DENIED)
FINDINGS = [("fail", "info", "Role orders")]
UNKNOWNS = [("unknown", "info", "Cluster prod")]
MESSAGES = ["2 service accounts in 2 namespaces share the role: all of them have the same permissions"]


def test_the_associations_of_some_namespaces_do_not_show_it() -> None:
    for associations in ((association(),), (association(), association("web"))):
        part = replace(healthy(associations=associations), only_namespaces=("shop", "web"))
        assert answers(ID, part) == [("not-applicable", "info", "Role orders")]


@pytest.mark.parametrize(
    "limit", [{"target_role_arn": TARGET_ARN}, {"policy": '{"Statement": []}', "disable_session_tags": True}]
)
def test_target_roles_and_session_policies_differ(limit: dict[str, Any]) -> None:
    differ = healthy(associations=(association(), association("web", **limit)))
    assert messages(ID, differ) == [
        "2 service accounts in 2 namespaces share the role: only their target roles or session policies differ"
    ]
    same = healthy(associations=(association(**limit), association("web", **limit)))
    assert messages(ID, same) == messages(ID, FAILS)
