"""Charsmaps of SentencePiece's kind, made of a few entries."""

from __future__ import annotations

import base64
import struct


def charsmap(entries: dict[str, str]) -> str:
    """Return a precompiled charsmap as in a ``tokenizer.json``.

    A double array of which every node has 256 units of its own for its children, and behind it the
    outputs, each with a zero at its end.
    """
    outputs = bytearray()
    nodes: list[dict[int, int]] = [{}]
    values: dict[int, int] = {}
    for key, output in entries.items():
        node = 0
        for byte in key.encode():
            if byte not in nodes[node]:
                nodes[node][byte] = len(nodes)
                nodes.append({})
            node = nodes[node][byte]
        values[node] = len(outputs)
        outputs += output.encode() + b"\0"
    units = [0] * (256 * (len(nodes) + 1))
    place = {0: 0}
    labels = {0: 0}
    for node, children in enumerate(nodes):  # parents come first
        base = 256 * (node + 1)
        offset = base ^ place[node]
        units[place[node]] = offset << 10 | (node in values) << 8 | labels[node]
        if node in values:
            units[base] = 1 << 31 | values[node]
        for byte, child in children.items():
            place[child], labels[child] = base ^ byte, byte
    assert len(units) < 1 << 21
    trie = struct.pack(f"<{len(units)}I", *units)
    return base64.b64encode(struct.pack("<I", len(trie)) + trie + outputs).decode()


#: What the charsmaps of multilingual models do, in small.
NMT = {
    **dict.fromkeys("\t\n\r\u00a0\u3000\u2028\u2009", " "),
    **dict.fromkeys("\x01\x1f\u200b\ufeff", ""),
    **{chr(0xFF01 + i): chr(0x21 + i) for i in range(94)},
    "e\u0301": "é",
    "E\u0301": "É",
    "a\u0308\u0301": "x",
    "か\u3099": "が",
    "ا\u0653": "آ",
    "½": "1\u20442",
    "ﷺ": "صلى الله عليه وسلم",
    "ﬁ": "fi",
    "´": " \u0301",
    "Ω": "Ω",
    "b": "b",
    "\u0600": "z",
}
