"""All measurements, one after another: `make bench`."""

import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

PODID = Path(sys.executable).parent / "podid"
HERE = Path(__file__).parent
RUNS = 21


def start_up() -> None:
    """Wall time of whole processes, bytecode compiled, median of RUNS."""
    for arguments in (["--version"], ["--help"], ["associate", "--help"], ["explain", "agent-not-installed"]):
        times = []
        for _ in range(RUNS):
            began = time.perf_counter()
            subprocess.run([PODID, *arguments], stdout=subprocess.DEVNULL, check=True)
            times.append((time.perf_counter() - began) * 1000)
        print(f"podid {' '.join(arguments)}: {statistics.median(times):.0f} ms (slowest {max(times):.0f})")


def main() -> None:
    start_up()
    for script in sorted(HERE.glob("[!_]*.py")):
        print(f"\n{script.stem}")
        sys.stdout.flush()
        subprocess.run([sys.executable, script], check=False)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    print(f"\nlargest child: {peak // 1024} MB")


main()
