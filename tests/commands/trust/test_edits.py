"""`podid trust add`, `remove` and `tighten` on roles and files."""

import json
import stat
from codecs import BOM_UTF8
from pathlib import Path

import pytest

from domain.trust.statements import BARE, CART, DENY_ALL, EC2, IN_NAMESPACE, IRSA, OWN
from domain.trust.trust_helpers import (
    CLUSTER,
)
from harness import Outcome, Podid, table
from ops.change.support import writes
from ops.trust.support import CLUSTER_ARN, EMPTY, FOR, OIDC, trust_of, who
from podid.sandbox.baseline import add_role
from podid.sandbox.box import Sandbox

NOBODY: dict[str, tuple[tuple[str, ...], int]] = {
    "check": (("check", *FOR), 3),
    "add": (("add", *FOR), 0),
    "remove": (("remove", *FOR), 0),
    "remove --issuer": (("remove", "--issuer", OIDC), 0),
    "remove --issuer --for": (("remove", "--issuer", OIDC, *FOR), 0),
    "tighten": (("tighten", *FOR), 6),
}


@pytest.mark.parametrize("of", ["a file", "a role"])
@pytest.mark.parametrize(("line", "code"), NOBODY.values(), ids=NOBODY)
def test_a_policy_without_statements(
    box: Sandbox, podid: Podid, journal: Path, tmp_path: Path, line: tuple[str, ...], code: int, of: str
) -> None:
    verb, *flags = line
    if of == "a file":
        (tmp_path / "empty.json").write_text(json.dumps(EMPTY))
        where = () if "--issuer" in flags else ("--cluster-arn", CLUSTER_ARN)
        outcome = podid("trust", verb, str(tmp_path / "empty.json"), *flags, *where, "-o", "json")
    else:
        add_role(box.world, box.iam, "r", EMPTY)
        flags = [] if verb == "tighten" else flags
        consent = () if verb == "check" else ("--yes",)
        outcome = podid("trust", verb, "--role", "r", *flags, *consent, "-o", "json")
    assert outcome.code == code, (outcome.stdout, outcome.stderr)
    if verb == "add" and of == "a role":
        assert [who(statement) for statement in trust_of(box, "r")] == [("shop", "orders")]


@pytest.mark.parametrize("verb", ["add", "remove", "tighten"])
def test_roles_that_cannot_be_read(box: Sandbox, podid: Podid, journal: Path, verb: str) -> None:
    flags = ("--yes",) if verb == "tighten" else (*FOR, "--yes")
    missing = podid("trust", verb, "--role", "wid", *flags, "-o", "json")
    assert (missing.code, missing.error["code"]) == (5, "NotFound")
    box.world.credentials.deny("iam:GetRole")
    denied = podid("trust", verb, "--role", "storefront", *flags, "-o", "json")
    assert (denied.code, "iam:GetRole" in denied.error["message"]) == (4, True)
    assert writes(box) == 0


# --- files: streams, files in place, and usage errors -----------------------------------------------------------------


def test_ten_repeats_are_one(tmp_path: Path) -> None:
    file = tmp_path / "trust.json"
    file.write_text(json.dumps({"Version": "2012-10-17", "Statement": EC2}, indent=4))
    line = (str(file), "--for", "shop/orders", "--for", "shop/cart", "--cluster-arn", CLUSTER, "--in-place")
    seen = set()
    for _ in range(10):
        assert Podid()("trust", "add", *line).code == 0
        seen.add(file.read_text())
    assert len(seen) == 1
    for _ in range(10):
        assert Podid()("trust", "remove", *line).code == 0
    assert json.loads(file.read_text()) == {"Version": "2012-10-17", "Statement": [EC2]}


def test_the_new_policy_alone_is_on_stdout() -> None:
    line = ("trust", "add", "-", "--for", "shop/orders", "--cluster-arn", CLUSTER)
    other = EC2 | {"Condition": {"StringEquals": {"aws:RequestTag/team": "Ünï\u202e"}}}
    outcome = Podid()(*line, stdin=json.dumps({"Statement": [other]}))
    assert json.loads(outcome.stdout) == {"Statement": [other, OWN]}
    assert outcome.stderr == f"note: Statement[1] ({OWN['Sid']}) was added\n"


def test_in_place_keeps_form_and_mode(tmp_path: Path) -> None:
    file = tmp_path / "role.json"
    role = {"Role": {"RoleName": "r", "AssumeRolePolicyDocument": {"Statement": EC2}, "Tags": []}}
    file.write_text(json.dumps(role, indent=4) + "\n")
    file.chmod(0o640)
    outcome = Podid()("trust", "add", str(file), "--for", "shop/orders", "--cluster-arn", CLUSTER, "--in-place")
    assert (outcome.code, outcome.stderr) == (0, "")
    assert outcome.stdout == f"{file}: changed, Statement[1] ({OWN['Sid']}) was added\n"
    role["Role"]["AssumeRolePolicyDocument"] = {"Statement": [EC2, OWN]}
    assert file.read_text() == json.dumps(role, indent=4) + "\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert [path.name for path in tmp_path.iterdir()] == ["role.json"]


def test_in_place_keeps_line_ends_and_byte_order_mark(tmp_path: Path) -> None:
    file = tmp_path / "trust.json"
    text = json.dumps({"Statement": [EC2]}, indent=2) + "\n"
    file.write_bytes(BOM_UTF8 + text.replace("\n", "\r\n").encode())
    line = (str(file), "--for", "shop/orders", "--cluster-arn", CLUSTER, "--in-place")
    assert Podid()("trust", "add", *line).code == 0
    wanted = json.dumps({"Statement": [EC2, OWN]}, indent=2) + "\n"
    assert file.read_bytes() == BOM_UTF8 + wanted.replace("\n", "\r\n").encode()


def test_in_place_writes_none_of_several_where_one_is_refused(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_text(json.dumps({"Statement": EC2}))
    bad.write_text(json.dumps({"Statement": [EC2, DENY_ALL]}))
    line = ("--for", "shop/orders", "--cluster-arn", CLUSTER, "--in-place")
    assert Podid()("trust", "add", str(good), str(bad), *line).code == 6
    assert json.loads(good.read_text()) == {"Statement": EC2}
    bad.write_text(json.dumps({"Statement": OWN}))
    before = bad.stat().st_mtime_ns
    assert Podid()("trust", "add", str(good), str(bad), *line, "--dry-run").code == 0
    assert json.loads(good.read_text()) == {"Statement": EC2}
    assert Podid()("trust", "add", str(good), str(bad), *line).code == 0
    assert json.loads(good.read_text()) == {"Statement": [EC2, OWN]}
    assert bad.stat().st_mtime_ns == before
    listed = Podid()("trust", "add", str(good), str(bad), *line[:-1], "-o", "json").json
    assert [item["outcome"] for item in listed["items"]] == ["no-change", "no-change"]


@table(
    ("argv", "why"),
    [
        ((), "Specify a trust policy"),
        (("-", "--role", "r"), "cannot be used together"),
        (("-", "-"), "specified only once"),
        (("-", "--cluster-arn", CLUSTER), "--for NS/SA"),
        (("-", "--for", "shop/orders", "--cluster-arn", CLUSTER, "--in-place"), "stdin cannot be written"),
        (("-", "--for", "shop/orders", "--cluster-arn", "arn:aws:eks:*:1:cluster/*"), "not the ARN of an EKS cluster"),
        (("-", "--for", "shop", "--cluster-arn", CLUSTER), "specify NAMESPACE/NAME"),
        (("-", "--for", "shop/orders", "--cluster-arn", CLUSTER, "--scope", "pod"), "--scope"),
        (("/nosuch", "--for", "shop/orders", "--cluster-arn", CLUSTER), "cannot be read"),
    ],
)
@table("verb", ["add", "remove", "tighten"])
def test_usage_errors(verb: str, argv: tuple[str, ...], why: str) -> None:
    outcome = Podid()("trust", verb, *argv, stdin=json.dumps({"Statement": EC2}))
    assert (outcome.code, outcome.stdout) == (2, "")
    assert why in outcome.stderr


@pytest.mark.parametrize("verb", ["add", "remove", "tighten"])
def test_a_key_twice_is_refused(verb: str) -> None:
    text = '{"Statement": [{"Effect": "Deny", "Effect": "Allow", "Principal": "*", "Action": "*"}]}'
    outcome = Podid()("trust", verb, "-", "--for", "a/b", "--cluster-arn", CLUSTER, "-o", "json", stdin=text)
    assert (outcome.code, outcome.stdout) == (2, "")
    assert "Statement[0].Effect: appears twice" in outcome.error["message"]


def test_a_file_is_narrowed_to_those_who_are_named() -> None:
    document = {"Version": "2012-10-17", "Statement": [EC2, BARE, IRSA]}
    line = ("trust", "tighten", "-", "--for", "shop/orders", "--for", "shop/cart", "--cluster-arn", CLUSTER)
    found = Podid()(*line, "-o", "json", stdin=json.dumps(document)).json
    assert found["policy"]["Statement"] == [EC2, OWN, CART, IRSA]
    again = Podid()(*line, "-o", "json", stdin=json.dumps(found["policy"])).json
    assert again["outcome"] == "no-change"
    wide = Podid()(*line, "--scope", "namespace", "-o", "json", stdin=json.dumps(document)).json
    assert wide["policy"]["Statement"] == [EC2, IN_NAMESPACE, IRSA]
    wider = Podid()(*line, "--scope", "cluster", "-o", "json", stdin=json.dumps(wide["policy"]))
    assert wider.code == 6
    assert "would allow more than today" in wider.error["message"]


def test_an_edit_as_a_document() -> None:
    def edited(*statements: object) -> Outcome:
        line = ("trust", "add", "-", "--for", "shop/orders", "--cluster-arn", CLUSTER, "-o", "json")
        return Podid()(*line, stdin=json.dumps({"Version": "2012-10-17", "Id": "kept", "Statement": list(statements)}))

    changed = edited(EC2)
    assert (changed.code, changed.json["kind"], changed.json["outcome"]) == (0, "TrustEdit", "changed")
    assert changed.json["policy"] == {"Version": "2012-10-17", "Id": "kept", "Statement": [EC2, OWN]}
    unchanged = edited(EC2, OWN)
    assert (unchanged.code, unchanged.json["outcome"], unchanged.json["diff"]) == (0, "no-change", "")
    refused = edited(EC2, DENY_ALL)
    assert (refused.code, refused.stdout, refused.error["code"]) == (6, "", "Conflict")
    assert refused.error["message"].startswith("The trust policy in stdin was not changed: ")
