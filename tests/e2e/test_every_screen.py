"""Every format says which part could not be read: in the document, in the text, or on stderr beside CSV and names.

Each command that reads is run with each of its readings denied, failing, and unreadable, in every format. If that
changes the result, each format says so, all end with the same exit code, and it is not the code of a complete reading,
except for DETAILS.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from harness import Outcome, examples
from hostile.front import Call, Genuine, in_front
from permissions_support import checked_permissions
from podid.aws.session import AwsSession
from podid.cli import cluster
from podid.cli.tree import COMMANDS
from podid.domain.permissions import KubePermission
from podid.kube.transport import Transport
from podid.render.formats import Format
from podid.sandbox.http import HttpAnswer
from test_ways import OFFLINE
from way_worlds import write_files
from ways import OWN, STORY, Way
from worlds import Site

from .test_denied_reads import PLANS, UNSEEN

# commands that change something, except for these words of a command line
CHANGING = {row.name for row in COMMANDS if "dry_run" in row.load().shared} - {
    "doctor",
    "right-size",
    "migrate cleanup",
}
CHANGES = ("--apply", "cleanup daemonset", "cleanup deployment", "cleanup arn")
# have no result of reading AWS or Kubernetes; or run another program
OTHERS = {*OFFLINE, *(row.name for row in COMMANDS if row.name.startswith("sandbox")), "exec", "bundle"}


def reads(way: Way) -> bool:
    changes = way.command in CHANGING or any(words in way.line for words in CHANGES)
    return way.code in (0, 3) and not changes and way.command not in OTHERS


LOOKS = [*filter(reads, OWN), *(Way(f"{line} --dry-run", start) for line, start in PLANS)]
# what is always tried; the rest under `make fuzz`
TELLING = ("migrate plan", "migrate status", "status", "show shop/orders", "role list", "addon list", "graph")

# warnings about pods and advice about the cluster: they never lower a state
ADVICE = {
    *("ec2:DescribeInstances", "ec2:DescribeRouteTables", "ec2:DescribeVpcEndpoints"),
    *("eks:DescribeAddon", "eks:ListAddons", "eks:DescribeAddonVersions", "eks:ListInsights"),
    *("list leases", "get configmaps", "list namespaces"),
}
OF_ROLES = {
    *("iam:GetRolePolicy", "iam:ListAttachedRolePolicies", "iam:ListRolePolicies", "iam:GetPolicy"),
    "iam:GetPolicyVersion",
}
# readings that only add a detail: the exit code may stay that of a complete reading
DETAILS: dict[str, set[str]] = {
    # no state depends on the permissions of the role
    "status": ADVICE | OF_ROLES,
    "verify": ADVICE | OF_ROLES | {"iam:GetRole"},
    "show": ADVICE,
    "role show": ADVICE | {"cloudformation:DescribeStackResources", "list clusterrolebindings"},
    # optional columns
    "list": {"*"},
    # the agent is there, or not, all the same
    "agent status": ADVICE | {"eks:ListPodIdentityAssociations", "eks:DescribePodIdentityAssociation", "list pods"},
    "agent nodes": {"eks:ListPodIdentityAssociations", "list pods"},
    # a comparison with presets, and owners
    "role list": {"iam:GetRolePolicy", "iam:ListRolePolicies", "cloudformation:DescribeStackResources"},
    # podid's own evaluation is a second answer, and the number of pods a column
    "can-i": {"iam:SimulatePrincipalPolicy"},
    "who-can": {"list pods"},
    # the existence of service accounts is a mark, the node one of several facts
    "graph": {"list serviceaccounts", "list namespaces"},
    "trace": {"cloudtrail:LookupEvents"},
    # notes of an audit; the account of an access key
    "audit": ADVICE | {"iam:GetAccountSummary", "sts:GetAccessKeyInfo", "eks:ListAccessEntries"},
    # pending changes end with 3; the predicted effect is only shown
    "plan": {"*"},
    "diff": {"*"},
    "reconcile": {"*"},
}
RANDOM = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d{4}-\d\d-\d\dT[0-9:.]+Z|eks-demo-\S+|in \d+ ms")
HTML = b"<html><body><h1>Sign in</h1></body></html>"
ANSWERS = {
    "fails": lambda: HttpAnswer(500, {}, b'{"message": "internal"}'),
    "unreadable": lambda: HttpAnswer(200, {"content-type": "text/html"}, HTML),
}


@dataclass
class Screens:
    """What one command line shows in every format, on a site and with a fault."""

    site: Site
    way: Way
    complete: dict[str, Outcome] = field(default_factory=dict)

    @property
    def details(self) -> set[str]:
        return DETAILS.get(self.way.command, set())

    def run(self, output: str, **env: str) -> tuple[Outcome, set[str]]:
        """Return the outcome and the permissions that were asked for. `terminal` is a table on a terminal."""
        podid, on_terminal = self.site.podid, output == "terminal"
        podid.tty, podid.width = on_terminal, 200
        try:
            with checked_permissions() as asked:
                words = [*self.way.argv, *(() if on_terminal else ("-o", output))]
                outcome = self.site(*words, env={"CI": "true", **env})
        finally:
            podid.tty = False
        return outcome, {*asked.iam, *map(named, asked.kubernetes)}

    def read_completely(self) -> None:
        for output in OUTPUTS:
            self.complete[output], _ = self.run(output)
        assert {outcome.code for outcome in self.complete.values()} == {self.way.code}, self.complete["json"]

    def check(self, name: str, says: Callable[[Outcome, Outcome], bool], **env: str) -> Iterator[str]:
        """Yield what is wrong while the reading `name` is refused."""
        whole = self.complete["json"]
        less, _ = self.run("json", **env)
        if (less.code, plain(less.stdout)) == (whole.code, plain(whole.stdout)):
            return
        if "ran into a bug" in less.stderr:
            yield f"{name}: a bug: {less.stderr}"
        if less.code == whole.code and not {name, "*"} & self.details and "--dry-run" not in self.way.line:
            yield f"{name}: ends with {less.code}, as a complete reading"
        for output in OUTPUTS:
            outcome, asked = self.run(output, **env)
            if output in (Format.NAME, Format.CSV) and asked and name not in asked:
                continue  # the format does not need it
            if outcome.code != less.code:
                yield f"{name}: -o {output} ends with {outcome.code}, JSON with {less.code}"
            # items have no member for a detail of the list
            if output == Format.JSONL and outcome.code == whole.code:
                continue
            if not says(self.complete[output], outcome):
                yield f"{name}: -o {output} does not say it: {outcome.stdout[-300:]} {outcome.stderr[-300:]}"


OUTPUTS = ("terminal", *Format)


def plain(text: str) -> str:
    return RANDOM.sub("", text)


def named(permission: KubePermission) -> str:
    return str(permission).partition(" (")[0]


def site_of(way: Way, site: Site, monkeypatch: pytest.MonkeyPatch, directory: Path) -> Screens:
    monkeypatch.chdir(directory)
    write_files()
    way.world(site)
    screens = Screens(site, way)
    screens.read_completely()
    return screens


def chosen(names: list[str], number: int) -> list[str]:
    """Every third of them, another third for each command; all under `make fuzz`."""
    return names if examples(1) > 1 else names[number % 3 :: 3]


def ways() -> list[object]:
    first = {way.command: way for way in reversed(LOOKS) if way.line.startswith(TELLING)}.values()
    ids = [f"{way.line}, {way.world.__name__}" for way in LOOKS]
    return [
        pytest.param(way, id=name, marks=() if way in first else pytest.mark.rare)
        for way, name in zip(LOOKS, ids, strict=True)
    ]


def test_every_command_that_reads_is_tried() -> None:
    names = {row.name for row in COMMANDS} - CHANGING - OTHERS
    assert {way.command for way in LOOKS} >= names - {"history"}  # reads files only
    assert {way.command for way in STORY} >= names


@pytest.mark.parametrize("way", ways())
def test_each_permission_less(way: Way, site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    screens = site_of(way, site, monkeypatch, tmp_path)
    with checked_permissions() as asked:
        site(*way.argv)
    problems: list[str] = []
    for action in chosen(sorted(asked.iam), len(way.line)):
        site.box.world.credentials.deny(action)
        problems += screens.check(action, lambda _, outcome, name=action: name in outcome.stdout + outcome.stderr)  # type: ignore[misc]
        site.box.world.credentials.allow_again()
    permissions = {named(permission): permission for permission in asked.kubernetes}
    for number, name in enumerate(chosen(sorted(permissions), len(way.line))):
        rules = [
            {"apiGroups": [item.group], "resources": [item.resource], "verbs": [item.verb]}
            for other, item in permissions.items()
            if other != name
        ]
        user = site.user(f"viewer-{number}", rules)
        problems += screens.check(name, lambda _, outcome, name=name: name in outcome.stdout + outcome.stderr, **user)  # type: ignore[misc]
    assert not problems, "\n".join(problems)


@pytest.mark.rare
@pytest.mark.parametrize("way", LOOKS, ids=lambda way: f"{way.line}, {way.world.__name__}")
@pytest.mark.parametrize("kind", ANSWERS)
def test_each_reading_refused(way: Way, kind: str, site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # what is tried again is tried again at once, and not for long
    for client, seconds in ((AwsSession, 0.2), (Transport, 0.3)):
        defaults: dict[str, Any] | None = client.__init__.__kwdefaults__
        assert defaults is not None
        monkeypatch.setitem(defaults, "patience", seconds)
    monkeypatch.setattr(cluster, "_PROBE_SECONDS", 0.3)
    screens = site_of(way, site, monkeypatch, tmp_path)
    calls: set[str] = set()

    def noting(call: Call, genuine: Genuine) -> HttpAnswer:
        calls.add(reading(call))
        return genuine()

    with in_front(site, noting):
        site(*way.argv)
    problems: list[str] = []
    for name in sorted(calls):

        def refusing(call: Call, genuine: Genuine, name: str = name) -> HttpAnswer:
            return ANSWERS[kind]() if reading(call) == name else genuine()

        with in_front(site, refusing):
            problems += screens.check(name, says_so)
    assert not problems, "\n".join(problems)


def reading(call: Call) -> str:
    """Return the name of a reading: `iam:GetRole`, `list pods`."""
    if call.service != "kubernetes":
        return f"{call.service}:{call.operation}"
    parts = call.request.path.strip("/").split("/")
    parts = parts[2:] if parts[0] == "api" else parts[3:]
    parts = parts[2:] if parts[:1] == ["namespaces"] and len(parts) > 2 else parts
    return f"{'get' if len(parts) > 1 else 'list'} {parts[0]}" if parts else "discovery"


def says_so(whole: Outcome, less: Outcome) -> bool:
    before = set((whole.stdout + whole.stderr).splitlines())
    return any(UNSEEN.search(line) for line in (less.stdout + less.stderr).splitlines() if line not in before)
