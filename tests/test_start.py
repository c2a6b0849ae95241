"""podid starts quickly: CPU time beside what it is held against, as benchmarks/start.py measures it."""

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

PATH = Path(__file__).resolve().parent.parent / "benchmarks" / "start.py"


def load() -> Any:
    spec = importlib.util.spec_from_file_location("start", PATH)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["start"] = module  # its dataclass looks there
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("pair", load().PAIRS, ids=lambda pair: pair.name)
def test_it_starts_in_time(pair: Any) -> None:
    """A tenth above the aim, at the best of eight tries: what is found here is found by the benchmark too."""
    ratios = []
    for _ in range(8):
        ratios.append(pair.ratio(rounds=3)[2])
        if ratios[-1] <= pair.limit * 1.1:
            return
    pytest.fail(f"{pair.name} takes {min(ratios):.2f} times as long, not {pair.limit}")
