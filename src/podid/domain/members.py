"""The types that members of podid's JSON documents have, where a type of Python's alone says too little."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any


class About:
    """What a member is, beside its type: a description and further keywords of JSON Schema."""

    def __init__(self, description: str, **keywords: object) -> None:
        self.keywords = {"description": description, **keywords}

    def __get_pydantic_json_schema__(self, core_schema: Any, handler: Any) -> dict[str, Any]:
        """Called by pydantic, which tools/gen_docs.py uses and podid does not."""
        return {**handler(core_schema), **self.keywords}


Time = Annotated[str, About("RFC 3339, UTC.", format="date-time")]
ArnText = Annotated[str, About("An ARN, in full.")]
Names = Sequence[str]
Argv = Annotated[Sequence[str], About("An argument vector, to be run as it is.")]
ServiceAccounts = Annotated[Sequence[str], About("Each as NAMESPACE/NAME.")]
Pairs = Mapping[str, str]
PolicyObject = Annotated[Mapping[str, object], About("A policy in IAM's policy language, as it is.")]
BrokenLink = Annotated[int | None, About("The link of the way to credentials that is broken, 1 to 10.")]
MissingRight = Annotated[str | None, About("The right that is missing to look at it.")]
ModeId = Annotated[str | None, About("The failure mode, as `podid explain` names it.")]
