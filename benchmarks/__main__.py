"""All measurements, one after another: `make bench`."""

import resource
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def main() -> None:
    for script in sorted(HERE.glob("[!_]*.py")):
        print(f"{script.stem}")
        sys.stdout.flush()
        subprocess.run([sys.executable, script], check=False)
        print()
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    print(f"largest child: {peak // 1024} MB")


main()
