"""podid diff."""

from ops.declare.worlds import LINK, ROLE, Filed


def test_diff_is_a_unified_diff(filed: Filed) -> None:
    filed.write(roles=[ROLE], associations=[LINK])
    filed.apply()
    outcome = filed("diff")
    assert (outcome.code, outcome.stdout, outcome.stderr) == (0, "", "no differences\n")
    outcome = filed("diff", "-o", "json")
    assert (outcome.code, outcome.json["changed"], outcome.stderr) == (0, [], "")
    filed.write(roles=[{**ROLE, "description": "new"}], associations=[{**LINK, "serviceAccount": "shop/api"}])
    outcome = filed("diff")
    assert outcome.code == 3
    lines = outcome.stdout.splitlines()
    assert lines[:2] == ["--- live/role-settings/web", "+++ file/role-settings/web"]
    assert "-description: ''" in lines
    assert "+description: new" in lines
    assert ["--- /dev/null", "+++ file/association/shop/api"] in [lines[n : n + 2] for n in range(len(lines))]
