"""A doctor's report as text and as a document, and the contents of a bundle."""

import json
from dataclasses import replace
from typing import Any

from checks.builder import healthy
from podid.domain.errors import AccessDenied
from podid.domain.findings import LINKS
from podid.domain.report import DoctorReport
from podid.ops.doctor.bundle import redact
from podid.ops.status.diagnose import describe_checks, select
from podid.render.doctor import DoctorReportListDocument, bundle_view, check_list_view, doctor_view, unknown_lines
from podid.render.formats import to_json
from podid.render.multicluster import results_view
from render.reports.sample import report_of, verdict
from render.shown import texts


def shown(report: DoctorReport, *, all_verdicts: bool = False) -> list[str]:
    return texts(doctor_view(report, all_verdicts=all_verdicts).lines)


def document(report: DoctorReport, *, all_verdicts: bool = False) -> Any:
    return json.loads(to_json(doctor_view(report, all_verdicts=all_verdicts).document))


def test_each_cause_is_a_block_and_explains_its_consequences() -> None:
    lines = shown(report_of())
    assert lines[0] == "1 permission missing: iam:GetRole (podid doctor --me)"
    begin = lines.index("✗ association-missing  shop/orders  link 1 association")
    assert lines[begin : begin + 6] == [
        "✗ association-missing  shop/orders  link 1 association",
        "  orders.",
        "  - orders",
        "  Fix   podid associate shop/orders",
        "  May explain agent-not-on-node (shop/orders).",
        "  More  podid explain association-missing",
    ]
    assert [line[0] for line in lines if "  link " in line] == ["✗", "!", "i"]
    assert lines[-4:] == [
        "? 1 check needs iam:GetRole: trust-wrong-principal",
        "",
        "2 identities: 1 doubtful, 1 broken",
        "1 error, 1 warning, 1 note, 1 that may follow from these, 1 unknown (1 check, orders of cluster demo)",
    ]


def test_an_accepted_cause_leaves_its_consequences() -> None:
    report = report_of()
    verdicts = [
        replace(item, accepted="known") if item.check == "association-missing" else item for item in report.verdicts
    ]
    lines = shown(replace(report, verdicts=tuple(verdicts)))
    assert "  agent-not-on-node: shop/orders" in lines
    assert "  association-missing  ServiceAccount shop/orders  (known)" in lines


def test_many_objects_of_a_cause_are_named_in_one_line() -> None:
    failed = [replace(report_of().verdicts[0], subject=verdict(f"a{n}", "x", "fail", 1).subject) for n in range(7)]  # type: ignore[arg-type]
    lines = shown(replace(report_of(), verdicts=tuple(failed)))
    assert "  and 2 more: ServiceAccount shop/a5, ServiceAccount shop/a6 (-o json)" in lines
    assert "  ServiceAccount shop/a4" in lines
    assert "  ServiceAccount shop/a5" not in lines


def test_a_report_without_problems() -> None:
    none = replace(report_of(), verdicts=(), identities=(), scope="")
    assert shown(none) == ["✓ No problems found: 1 check, cluster demo"]
    assert shown(replace(none, associations=0)) == ["No associations in cluster demo: nothing to check"]
    assert shown(replace(none, not_asked=("logs (--logs)",)))[0] == "Not checked: logs (--logs)"


def test_the_document_has_the_chain_and_verdicts_on_request() -> None:
    body = document(report_of())
    assert [(item["link"], item["name"]) for item in body["chain"]] == list(enumerate(LINKS))
    assert body["chain"][6]["state"] == "broken"
    assert "verdicts" not in body
    assert len(document(report_of(), all_verdicts=True)["verdicts"]) == len(report_of().verdicts)
    assert [item["maskedBy"] for item in body["findings"] if item["maskedBy"]] == ["association-missing"]


def test_unknown_verdicts_without_a_permission_name_the_reason() -> None:
    unknown = replace(report_of().unknowns[0], permission="", reason="the API server does not answer")
    assert texts(unknown_lines([unknown]))[:2] == [
        "? The API server does not answer.",
        "  trust-wrong-principal: ServiceAccount shop/cart",
    ]


def test_several_clusters_are_one_document() -> None:
    view = results_view(
        [doctor_view(report_of(), all_verdicts=False)], [("blue", AccessDenied("no"))], DoctorReportListDocument
    )
    body = json.loads(to_json(view.document))
    assert (body["kind"], len(body["items"]), body["failures"][0]["message"]) == ("DoctorReportList", 1, "no")


def test_the_list_of_checks_has_their_permissions() -> None:
    view = check_list_view(describe_checks(select(("role-not-found",))))
    (item,) = json.loads(to_json(view.document))["items"]
    assert (item["id"], "iam:GetRole" in item["permissions"]["iam"]) == ("role-not-found", True)
    assert view.names == ("role-not-found",)


def test_each_file_with_its_size_and_its_contents() -> None:
    files = {"snapshot.json": "é", "versions.json": "{}"}
    view = bundle_view("b.tar.gz", files, ["session policies", "tags"], redact(healthy()))
    assert texts(view.lines) == [
        "  snapshot.json  2 bytes: the data that was read, for podid doctor --from",
        "  versions.json  2 bytes: versions of podid, Python and the operating system",
        "Contents:",
        "  session policies",
        "  tags",
        "Redacted: 2 accounts, 0 external ids",
    ]
    body = json.loads(to_json(view.document))
    assert (body["file"], [item["bytes"] for item in body["items"]]) == ("b.tar.gz", [2, 2])
    assert body["redacted"] == {"accounts": 2, "externalIds": 0}  # the second is that of a registry
