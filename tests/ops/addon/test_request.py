"""Options of `podid addon associate` and `podid addon install`."""

import pytest

from harness import table
from podid.domain.errors import InvalidInput, UsageError
from podid.ops.addon.request import AddonRequest, _roles, account_name


@table("text", ["ebs-csi-controller-sa", "a.b"])
def test_a_service_account_is_a_name(text: str) -> None:
    assert account_name(text) == text


@table(
    ("text", "error", "message"),
    [
        ("kube-system/aws-node", UsageError, "without a namespace"),
        ("Aws_Node", InvalidInput, "Aws_Node"),
        ("", InvalidInput, "service account"),
    ],
)
def test_a_name_that_is_not_valid(text: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        account_name(text)


@table(
    ("request_", "message"),
    [
        (AddonRequest(addon="a", role="r"), ""),
        (AddonRequest(addon="a", recommended=True), ""),
        (AddonRequest(all_addons=True, recommended=True), ""),
        (AddonRequest(all_addons=True, role="r"), "--all requires --recommended"),
        (AddonRequest(addon="a", all_addons=True, recommended=True), "--all requires --recommended"),
        (AddonRequest(recommended=True), "Specify the add-on"),
        (AddonRequest(addon="a"), "Specify the role"),
        (AddonRequest(addon="a", role="r", recommended=True), "Specify the role"),
    ],
)
def test_options_that_cannot_be_used_together(request_: AddonRequest, message: str) -> None:
    if not message:
        request_.check_together()
        return
    with pytest.raises(UsageError, match=message):
        request_.check_together()


def test_the_roles_of_an_add_on_are_pairs() -> None:
    assert _roles(["aws-node=one", "x=two", "x=two"]) == {"aws-node": "one", "x": "two"}
    for texts, message in (
        (["x"], "is not SA=ROLE"),
        (["x="], "is not SA=ROLE"),
        (["x=one", "x=two"], "names x twice"),
    ):
        with pytest.raises(InvalidInput, match=message):
            _roles(texts)
