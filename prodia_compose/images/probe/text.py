"""What a text file is that somebody took for a picture."""

import re
from typing import Final

_MARKUP: Final = (
    (re.compile(r"<svg[\s>]", re.IGNORECASE), "is an SVG drawing: export it as PNG first"),
    (
        re.compile(
            r"<!doctype\s+html|<html[\s>]|<head[\s>]|<body[\s>]|<script[\s>]", re.IGNORECASE
        ),
        "is an HTML page, not a picture",
    ),
)

_BEGINNINGS: Final = (
    ("version https://git-lfs.github.com/spec/", "is a Git LFS pointer: run git lfs pull"),
    ("data:image/", "is a data: URI, not a picture: decode its base64 text first"),
    ("<?xml", "is an XML document, not a picture"),
    ("<", "is an XML document, not a picture"),
    ("{", "is JSON text, not a picture"),
    ("[", "is JSON text, not a picture"),
)

_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


def describe(head: bytes) -> str | None:
    """Return what the beginning of a text file shows it to be, or None if it is no text.

    The words complete a sentence that begins with the file's name.
    """
    decoded = _decode(head)
    if decoded is None:
        return None
    start = decoded.lstrip()
    if start.startswith("<"):
        for pattern, reason in _MARKUP:
            if pattern.search(start):
                return reason
    for beginning, reason in _BEGINNINGS:
        if start.startswith(beginning):
            return reason
    if "/annex/objects/" in start[:200]:
        return "is a git-annex pointer: run git annex get"
    return "is plain text, not a picture"


def _decode(head: bytes) -> str | None:
    """Return bytes as text, or None if they hold anything that text does not."""
    encoding = "utf-8-sig"
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16"
    try:
        decoded = head.decode(encoding)
    except UnicodeDecodeError as exc:
        # The last character may have been cut in two.
        if exc.start < len(head) - 4:
            return None
        decoded = head[: exc.start].decode(encoding, errors="ignore")
    return None if _CONTROL.search(decoded) else decoded
