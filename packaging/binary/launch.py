"""Starts podid in a binary, whose executable is the Python of its modules too."""

import os
import sys


def main() -> None:
    restore_environment()
    if sys.argv[1:3] == ["-P", "-m"] and len(sys.argv) > 3 and sys.argv[3].split(".")[0] == "podid":
        import runpy

        # podid.local.processes starts podid's own processes like this
        sys.argv = sys.argv[3:]
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
        return
    from podid.entry import main as run

    run()


def restore_environment() -> None:
    """Remove the variables of PyInstaller, which are for this process alone. A program that podid starts, such as a
    kubeconfig's credential plugin, would load the libraries of this binary instead of its own."""
    if sys.platform == "linux":
        original = os.environ.pop("LD_LIBRARY_PATH_ORIG", None)
        os.environ.pop("LD_LIBRARY_PATH", None)
        if original is not None:
            os.environ["LD_LIBRARY_PATH"] = original
    for name in [name for name in os.environ if name.startswith("_PYI_")]:
        del os.environ[name]


if __name__ == "__main__":
    main()
