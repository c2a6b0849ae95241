"""Links of the repository's Markdown files, for readers elsewhere: the package index and the page of a release."""

import re

REPOSITORY = "https://github.com/podid/podid"
_LINK = re.compile(r"(?P<image>!?)(?P<text>\[[^\]]*\])\((?!\w+:|#)(?P<path>[^)\s]+)\)")


def absolute(text: str, tag: str) -> str:
    """Return the text with links to files of the repository, and its pictures, at the tag."""

    def link(match: re.Match[str]) -> str:
        kind = "raw" if match["image"] else "blob"
        return f"{match['image']}{match['text']}({REPOSITORY}/{kind}/{tag}/{match['path']})"

    return _LINK.sub(link, text)
