"""Different texts of a frame in many parts: found in each part, and then among all.

Tables here are frames of pandas with columns of fixed types, which go from process to process. A
row of the frame has a number, counted over all parts; a different text has that of its first row.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

import numpy as np
import numpy.typing as npt

from skm2v._dedup.nodes import hash_ranks, make_nodes
from skm2v._dedup.tables import read_texts
from skm2v.exceptions import TextValueError

__all__ = ["different_texts", "joined", "read_part", "table"]

# high, low: hash of the normalized text. tie: decides between texts of equal priority.
COLUMNS = {
    "high": np.uint64,
    "low": np.uint64,
    "part": np.int64,
    "row": np.int64,
    "count": np.int64,
    "tie": np.uint64,
    "text": object,
}


def table(columns: dict[str, Any]) -> Any:
    """Frame of pandas; texts are strings of Arrow, whatever else pandas would make of them."""
    import pandas

    texts = pandas.array(columns["text"], dtype=_text_dtype()) if "text" in columns else None
    return pandas.DataFrame(columns if texts is None else {**columns, "text": texts})


def _text_dtype() -> Any:
    import pandas
    import pyarrow

    return pandas.ArrowDtype(pyarrow.large_string())


def read_part(part: Any, column: str, number: int) -> list[str]:
    """Texts of a part of a frame.

    Raises
    ------
    TextTypeError, TextValueError
        If they are none, or some are missing; a message names the part.
    """
    try:
        return read_texts(part[column], None)[0]
    except TextValueError as error:
        raise TextValueError(f"In partition {number}: {error}") from error


def different_texts(
    part: Any, column: str, normalizer: str, number: int, first_row: int, most: int | None = None
) -> Any:
    """Different texts of a part of a frame, a row for each.

    Parameters
    ----------
    part : pandas.DataFrame
    column : str
    normalizer : str
        As for `make_nodes`.
    number : int
        That of the part.
    first_row : int
        Number of its first row.
    most : int or None, default=None
        Only those with the smallest hashes, so many: a sample that does not depend on parts.
    """
    nodes = make_nodes(read_part(part, column, number), normalizer, None, np.empty(0, np.int64))
    keys = _hashes(nodes.texts)
    chosen = np.arange(len(nodes))
    if most is not None:
        chosen = np.lexsort((keys[:, 1], keys[:, 0]))[:most]
    places = chosen.tolist()
    return table(
        {
            "high": keys[chosen, 0],
            "low": keys[chosen, 1],
            "part": np.full(len(chosen), number, dtype=np.int64),
            "row": first_row + nodes.first_row[chosen],
            "count": nodes.counts[chosen],
            "tie": hash_ranks([nodes.texts[place] for place in places]).astype(np.uint64),
            "text": [nodes.originals[place] for place in places],
        }
    )


def joined(found: Any) -> Any:
    """Give texts that are equal in several parts one number, and one row that stands for all.

    Parameters
    ----------
    found : pandas.DataFrame
        Rows of `different_texts`, with all those that are equal to one of them.

    Returns
    -------
    nodes : pandas.DataFrame
        As many rows: `part` and `row` as before, and `node`, the number of the text. `count` is
        that of all its rows and `text` the smallest one where `row` is `node`; elsewhere they are
        0 and empty.
    """
    high, low, row = (found[name].to_numpy() for name in ("high", "low", "row"))
    order = np.lexsort((row, low, high))
    high, low, row = high[order], low[order], row[order]
    is_first = np.ones(len(order), dtype=bool)
    is_first[1:] = (high[1:] != high[:-1]) | (low[1:] != low[:-1])
    starts = np.flatnonzero(is_first)
    ends = np.append(starts, len(order))[1:]
    texts = np.array(found["text"].tolist(), dtype=object)[order]
    count = found["count"].to_numpy()[order]
    sums = np.add.reduceat(count, starts) if len(starts) else count[:0]
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        if end > start + 1:
            texts[start] = min(texts[start:end])
    texts[~is_first] = ""
    counts = np.zeros(len(order), dtype=np.int64)
    counts[starts] = sums
    return table(
        {
            "part": found["part"].to_numpy()[order],
            "row": row,
            "node": np.repeat(row[starts], ends - starts),
            "count": counts,
            "tie": found["tie"].to_numpy()[order],
            "text": texts.tolist(),
        }
    )


def _hashes(texts: list[str]) -> npt.NDArray[np.uint64]:
    """Hashes of 128 bits as two numbers each: of 10**12 texts no two different ones have the same.

    By the bound of the birthday problem, with a probability of 0.999999999998.
    """
    digests = b"".join(
        blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest() for text in texts
    )
    return np.frombuffer(digests, dtype="<u8").reshape(-1, 2).astype(np.uint64)
