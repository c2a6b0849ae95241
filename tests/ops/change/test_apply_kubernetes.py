"""Changes in Kubernetes whose answer is lost: they may have been made, so podid reads before it reports a failure."""

import pytest

from hostile.front import Call, Genuine, in_front
from podid.sandbox.http import HttpAnswer
from worlds import Site

LOST = {
    "a page": HttpAnswer(200, {"Content-Type": "text/html"}, b"<html><body>Sign in</body></html>"),
    "nothing": HttpAnswer(200, {}, b""),
    "a failure": HttpAnswer(504, {}, b"no answer in time"),
}
ACCOUNTS = "/api/v1/namespaces/shop/serviceaccounts"
CREATE = "associate shop/cart --role storefront --create-service-account --wait api"
DELETE = "disassociate shop/cart --delete-service-account --yes --wait api"


@pytest.mark.parametrize("name", LOST)
def test_a_change_whose_answer_is_lost_was_made(site: Site, name: str) -> None:
    sent: list[str] = []

    def front(call: Call, genuine: Genuine) -> HttpAnswer:
        answer = genuine()
        if call.service != "kubernetes" or not call.request.path.startswith(ACCOUNTS) or call.request.method == "GET":
            return answer
        sent.append(call.request.method)
        return LOST[name]

    def accounts() -> set[str]:
        return {item["metadata"]["name"] for item in site.cluster.items(ACCOUNTS)}

    with in_front(site, front):
        created = site(*CREATE.split(), "-o", "json")
        assert [action["status"] for action in created.json["actions"]] == ["done", "done"], created
        assert (created.code, "cart" in accounts()) == (0, True)
        deleted = site(*DELETE.split(), "-o", "json")
        assert [action["status"] for action in deleted.json["actions"]] == ["done", "done"], deleted
        assert (deleted.code, "cart" in accounts()) == (0, False)
    assert sent == ["POST", "DELETE"]
    assert {run["status"] for run in site.must("history", "-o", "json").json["items"]} == {"done"}


def test_a_change_that_was_not_made_is_made_again(site: Site) -> None:
    sent: list[str] = []

    def front(call: Call, genuine: Genuine) -> HttpAnswer:
        if call.service == "kubernetes" and call.request.path == ACCOUNTS and call.request.method == "POST":
            sent.append(call.request.method)
            return LOST["a page"] if len(sent) == 1 else genuine()
        return genuine()

    with in_front(site, front):
        assert site(*CREATE.split()).code == 0
    assert sent == ["POST", "POST"]
