"""Twice the cluster is twice the work for the doctor: lines of code that run are counted, whatever the machine does."""

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from podid.ops.status.diagnose import diagnose
from podid.render.doctor import doctor_view
from podid.render.formats import Format, Report, to_text
from podid.render.reports import write_reports

PATH = Path(__file__).resolve().parent.parent / "benchmarks" / "doctor.py"
FEW = 30


def load() -> Any:
    spec = importlib.util.spec_from_file_location("doctor_benchmark", PATH)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def lines_run(work: Callable[[], object]) -> int:
    count = 0

    def trace(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal count
        count += 1
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


def examine(snapshot: Any) -> None:
    report = diagnose(snapshot)
    view = doctor_view(report, all_verdicts=True)
    for form in (Format.TABLE, Format.CSV):
        to_text(view, form)
    for each in Report:
        write_reports(each, [report])


@pytest.mark.parametrize(
    ("broken", "crowded"),
    [
        pytest.param(True, False, id="broken-spread"),
        pytest.param(True, True, id="broken-one-namespace-and-role"),
        pytest.param(False, False, id="well-spread", marks=pytest.mark.rare),
        pytest.param(False, True, id="well-one-namespace-and-role", marks=pytest.mark.rare),
    ],
)
def test_twice_the_cluster_is_twice_the_work(broken: bool, crowded: bool) -> None:
    module = load()

    def counted(size: int) -> int:
        snapshot = module.snapshot(size, broken=broken, crowded=crowded)
        return lines_run(lambda: examine(snapshot))

    counted(5)  # what is imported at its first use is imported
    assert counted(2 * FEW) <= 2.05 * counted(FEW)
