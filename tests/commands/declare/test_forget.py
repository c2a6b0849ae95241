"""podid forget."""

from ops.declare.worlds import LINK, ROLE, Filed


def test_marks_are_removed_and_undo_restores_them(filed: Filed) -> None:
    filed.write(roles=[ROLE], associations=[LINK, {**LINK, "serviceAccount": "shop/api"}])
    filed.apply()
    filed.site.must("forget", "shop/api")
    assert filed.associations()["shop/api"]["tags"] == {"team": "a"}
    assert "unchanged" in filed.site.must("forget", "shop/api").stdout
    filed.site.must("forget", "-f", str(filed.path))
    assert all("podid:owner" not in item["tags"] for item in filed.associations().values())
    role = filed.role("web")
    assert role is not None
    assert role["tags"] == {"managed-by": "podid", "team": "a"}
    assert filed.plan()["unchanged"] == 3
    filed.write()
    assert filed.plan("--prune")["pruned"] == []
    filed.site.must("undo", "last", "--yes", "--wait", "none")
    assert filed.associations()["shop/web"]["tags"]["podid:owner"] == "shop"


def test_forget_requires_a_resource_or_a_file(filed: Filed) -> None:
    assert filed.site("forget").code == 2
    assert filed.site("forget", "shop/web", "-f", "x.yaml").code == 2
    assert filed.site("forget", "--role", "storefrunt").code == 5
