import pytest

from checks.builder import DENIED, daemon_set, healthy
from checks.grid import answers
from podid.domain.snapshot import Snapshot


def filtering(line: str) -> Snapshot:
    return healthy(daemon_sets=(daemon_set(), daemon_set(name="block-imds", images=(), args=(), firewall=(line,))))


ID = "host-firewall-blocks-link-local"
FAILS = filtering("iptables -I INPUT -d 169.254.0.0/16 -j DROP")
UNKNOWN = healthy(daemon_sets=DENIED)
PASSES = filtering("iptables -I FORWARD -d 169.254.169.254/32 -j DROP")
FINDINGS = [("fail", "error", "DaemonSet kube-system/block-imds"), ("pass", "error", "ServiceAccount shop/orders")]
UNKNOWNS = [("unknown", "error", "Cluster prod"), ("pass", "error", "ServiceAccount shop/orders")]


@pytest.mark.parametrize(
    "line",
    [
        "iptables -A INPUT -p tcp --dport 80 ! -d 169.254.170.23 -j DROP",
        "iptables -A INPUT ! --destination 169.254.170.0/24 -j DROP",
        "nft add rule ip filter input ip daddr != 169.254.170.23 drop",
    ],
)
def test_rules_for_all_other_addresses(line: str) -> None:
    assert not any(row[0] == "fail" for row in answers(ID, filtering(line)))


@pytest.mark.parametrize(
    ("rules", "severity"),
    [
        (("iptables -A INPUT -d 169.254.0.0/16 -j DROP",), "error"),
        (("iptables -A FORWARD -d 169.254.0.0/16 -j DROP",), "warn"),
        # which of the two comes first is not seen
        (("iptables -I INPUT -d 169.254.170.23 -j ACCEPT", "iptables -A INPUT -d 169.254.0.0/16 -j DROP"), "warn"),
        (("iptables -I INPUT -d 169.254.169.123 -j ACCEPT", "iptables -A INPUT -d 169.254.0.0/16 -j DROP"), "error"),
    ],
)
def test_rules_of_a_daemon_set(rules: tuple[str, ...], severity: str) -> None:
    snapshot = healthy(daemon_sets=(daemon_set(), daemon_set(name="block", images=(), args=(), firewall=rules)))
    rows = answers(ID, snapshot)
    assert ("fail", severity, "DaemonSet kube-system/block") in rows
