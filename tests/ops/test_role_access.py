"""Who may assume a role, in words: both actions decide, whichever statements allow them."""

from typing import Any

import pytest

from podid.domain.model import Role
from podid.ops.role.access import access_words

PODS = {"Service": "pods.eks.amazonaws.com"}
ANY = "any cluster in account 111122223333"


def role(*statements: dict[str, Any]) -> Role:
    return Role(
        name="r",
        arn="arn:aws:iam::111122223333:role/r",
        role_id="AROA",
        path="/",
        trust={"Version": "2012-10-17", "Statement": list(statements)},
    )


def allow(*actions: str) -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": PODS, "Action": list(actions)}


@pytest.mark.parametrize(
    ("statements", "words"),
    [
        ((allow("sts:AssumeRole", "sts:TagSession"),), ANY),
        ((allow("sts:AssumeRole"), allow("sts:TagSession")), ANY),
        ((allow("sts:AssumeRole"),), "names pods and admits none: sts:TagSession is not allowed"),
        ((allow("sts:AssumeRole", "sts:TagSesion"),), "names pods and admits none: sts:TagSession is not allowed"),
        ((allow("sts:TagSession"),), "names pods and admits none: sts:AssumeRole is not allowed"),
        (
            (
                allow("sts:AssumeRole", "sts:TagSession"),
                {"Effect": "Deny", "Principal": PODS, "Action": "sts:*"},
            ),
            "names pods and admits none",
        ),
    ],
)
def test_nobody_is_named_who_may_not_do_both(statements: tuple[dict[str, Any], ...], words: str) -> None:
    (found,) = access_words(role(*statements))
    assert found.endswith(words)
    assert (ANY in found) is (words == ANY)
