"""The version, a literal: `--version` is answered from it before anything else is imported."""

VERSION = "0.1.0"
