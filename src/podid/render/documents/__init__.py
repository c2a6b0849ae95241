"""The types of the JSON documents, by noun: each is written down here once.

The views build them, mypy checks that they do, and tools/gen_docs.py makes docs/reference/json of them. podid itself
imports them for the type checker only. A class's docstring and what `About` says are the schema's descriptions.
"""
