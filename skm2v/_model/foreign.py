"""What a file is that stands where a model's file should, and what to do about it."""

from __future__ import annotations

__all__ = ["N_BYTES", "describe_foreign"]

N_BYTES = 512  # enough to know a file by

_STARTS = (
    (
        b"version https://git-lfs.github.com/",
        "a pointer of Git LFS, which only names the file. Fetch the file itself: run git lfs pull"
        " there, or download it again",
    ),
    (
        b"# xet version",
        "a pointer of Git Xet, which only names the file. Fetch the file itself: run git xet"
        " checkout there, or download it again",
    ),
    (
        b"/annex/objects/",
        "a pointer of git-annex, which only names the file. Fetch the file itself: run git annex"
        " get there, or download it again",
    ),
    (b"<?xml", "XML, such as a server's error. Download the file itself again"),
    (b"entry not found", "the hub's answer that it has no such file. Download another revision"),
    (b"<!doctype html", "a web page. Download the file itself, not the page about it"),
    (b"<html", "a web page. Download the file itself, not the page about it"),
    (b"pk\3\4", "a zip archive, as torch.save, numpy.savez and skops write. Load it with these"),
    (b"\x1f\x8b", "compressed by gzip. Unpack it first"),
    (b"\x93numpy", "an array that numpy.save wrote. Load it with numpy.load"),
    (b"gguf", "a GGUF file, which is for other programs"),
)


def describe_foreign(data: bytes) -> str | None:
    """Say what a file is and what to do with it.

    Parameters
    ----------
    data : bytes
        Its content, or the beginning of that.

    Returns
    -------
    kind : str or None
        What comes after "it is"; None if it is nothing that is known.
    """
    start = bytes(data[:N_BYTES]).lstrip().lower()
    for known, kind in _STARTS:
        if start.startswith(known):
            return kind
    if start[:1] == b"\x80" and start[1:2] in (b"\2", b"\3", b"\4", b"\5"):
        return "a pickle, which can run any code. Load it with what wrote it, if you trust it"
    return None
