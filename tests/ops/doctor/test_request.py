"""Options of `podid doctor` and `podid audit` that cannot be used together, and the reads that they allow."""

from typing import Any

import pytest

from harness import table
from podid.domain.errors import ExitCode, UsageError
from podid.domain.section import READS, Cost
from podid.ops.clusters import ClusterOptions
from podid.ops.doctor.request import AuditOptions, DoctorOptions, ReportOptions
from render.reports.sample import report_of

REPORT = ReportOptions(report_files=("r.md",))
DRY_RUN = {"dry_run": True}


def refusal(options: DoctorOptions, *, dry_run: bool = False) -> str:
    with pytest.raises(UsageError) as caught:
        options.check_together(dry_run=dry_run)
    return caught.value.message


@table(
    ("chosen", "more", "words"),
    [
        ({"fix": True, "watch": True}, {}, "--watch only checks"),
        ({"fix_id": ("a",), "watch": True}, {}, "--watch only checks"),
        ({"fix": True, "until_clean": True}, DRY_RUN, "together with --until-clean or --probe"),
        ({"fix": True, "probe": True}, DRY_RUN, "together with --until-clean or --probe"),
        ({"probe": True, "watch": True}, {}, "--probe runs pods"),
        ({"until_clean": True, "watch": True}, {}, "--until-clean and --watch"),
        ({"report": REPORT, "watch": True}, {}, "--report is for one report"),
        ({"save": "f", "watch": True}, {}, "--save and --from are for one report"),
        ({"save": "f", "until_clean": True}, {}, "--save and --from are for one report"),
        ({"saved": "f", "watch": True}, {}, "--save and --from are for one report"),
        ({"saved": "f", "until_clean": True}, {}, "--save and --from are for one report"),
        ({"saved": "f", "save": "g"}, {}, "together with --save or --fix"),
        ({"saved": "f", "fix": True}, {}, "together with --save or --fix"),
        ({"saved": "f", "fix_id": ("a",)}, DRY_RUN, "together with --save or --fix"),
        *(
            ({"saved": "f", name: True}, {}, "--logs, --cloudtrail, --verify or --probe")
            for name in ("logs", "cloudtrail", "verify", "probe")
        ),
        ({"for_command": ("list",)}, {}, "--for requires --me"),
        ({"me": True, "target": "shop/orders"}, {}, "together with a target"),
        ({"me": True, "fix": True}, {}, "checks or fixes"),
        ({"me": True, "saved": "f"}, {}, "checks or fixes"),
        ({"me": True}, DRY_RUN, "checks or fixes"),
        ({}, DRY_RUN, "--dry-run requires --fix"),
    ],
)
def test_options_that_cannot_be_used_together(chosen: dict[str, Any], more: dict[str, bool], words: str) -> None:
    assert words in refusal(DoctorOptions(**chosen), **more)


@table(
    ("chosen", "dry_run"),
    [
        ({}, False),
        ({"fix": True}, True),
        ({"fix_id": ("a",), "until_clean": True, "report": REPORT}, False),
        ({"probe": True, "verify": True, "logs": True, "save": "f"}, False),
        ({"saved": "f", "target": "shop/orders"}, False),
        ({"me": True, "for_command": ("list",), "fix_level": "info"}, False),
    ],
)
def test_options_that_can_be_used_together(chosen: dict[str, Any], dry_run: bool) -> None:
    DoctorOptions(**chosen).check_together(dry_run=dry_run)


@table(
    ("chosen", "option"),
    [
        ({"target": "shop/orders"}, "TARGET"),
        ({"fix": True}, "--fix"),
        ({"fix_id": ("a",)}, "--fix-id"),
        ({"until_clean": True}, "--until-clean"),
        ({"watch": True}, "--watch"),
        ({"saved": "f"}, "--from"),
        ({"verify": True}, "--verify"),
        ({"probe": True}, "--probe"),
    ],
)
def test_options_of_one_cluster(chosen: dict[str, Any], option: str) -> None:
    with pytest.raises(UsageError, match=f"^{option} cannot be used with several clusters"):
        DoctorOptions(**chosen).check_several()


def test_options_of_several_clusters() -> None:
    DoctorOptions(logs=True, save="f", report=REPORT, clusters=ClusterOptions(all_clusters=True)).check_several()


def test_what_each_option_allows_to_be_read() -> None:
    assert DoctorOptions().cost == AuditOptions().cost == READS
    assert DoctorOptions(logs=True, cloudtrail=True).cost == READS | Cost.LOGS | Cost.TRAIL
    assert DoctorOptions(verify=True, probe=True).cost == READS | Cost.TOKEN | Cost.PROBE
    assert AuditOptions(secrets=True, probe=True).cost == READS | Cost.SECRETS | Cost.METADATA


def test_the_exit_code_of_a_report() -> None:
    """The report has an error and an unknown verdict at error level."""
    assert ReportOptions().exit_code(report_of()) is ExitCode.ATTENTION
    assert ReportOptions(fail_on="never").exit_code(report_of()) is ExitCode.UNDETERMINED
    assert ReportOptions(fail_on="never", allow_unknown=True).exit_code(report_of()) is ExitCode.OK
