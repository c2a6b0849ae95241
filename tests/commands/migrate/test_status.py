"""podid migrate status: the next command."""

from irsa import Irsa


def test_status_names_the_next_command(irsa: Irsa) -> None:
    assert irsa.site.must("migrate", "status", "-o", "json").json["next"] == [["podid", "migrate", "apply", "-A"]]
    irsa.site.must("migrate", "apply", "-A", "--yes")
    assert irsa.site.must("migrate", "status", "-o", "json").json["next"] == [["podid", "migrate", "finish", "-A"]]
