"""A corpus, queries and relevance judgements from their files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from skm2v.evaluation._errors import TaskDataError
from skm2v.evaluation._retrieval import Retrieval
from skm2v.evaluation._tables import read_json_lines, read_table

__all__ = ["load_retrieval"]


def load_retrieval(name: str, files: Mapping[str, Path]) -> Retrieval:
    """Load a corpus, queries and relevance judgements.

    Parameters
    ----------
    name : str
        Name of the task.
    files : mapping of str to Path
        ``corpus`` and ``queries``, JSON lines with ``id`` (or ``_id``), ``text`` and optionally
        ``title``; ``qrels``, a TSV with a query, a document and a relevance column and a header.

    Raises
    ------
    TaskDataError
        If a file lacks what is needed or names an unknown query or document.
    """
    documents, queries = _read_texts(files["corpus"]), _read_texts(files["queries"])
    qrels = read_table(files["qrels"])
    if len(qrels.columns) < 3:
        raise TaskDataError(
            f"{qrels.source}: {len(qrels.columns)} columns, expected query_id, doc_id and "
            "relevance with a header, separated by tabs (.tsv) or commas (.csv)."
        )
    query_column, document_column, relevance_column = list(qrels.columns)[:3]
    places = {identifier: place for place, identifier in enumerate(documents)}
    judged: dict[str, dict[str, int]] = {}
    for query, document, relevance in zip(
        map(str, qrels.columns[query_column]),
        map(str, qrels.columns[document_column]),
        qrels.numbers(relevance_column),
        strict=True,
    ):
        for identifier, known, file in (
            (query, queries, "queries"),
            (document, documents, "corpus"),
        ):
            if identifier not in known:
                raise TaskDataError(
                    f"{qrels.source}: names {identifier!r}, which {files[file]} does not have; "
                    "drop the line or add the text."
                )
        if relevance > 0:
            judged.setdefault(query, {})[str(places[document])] = int(relevance)
    if not judged:
        raise TaskDataError(
            f"{qrels.source}: no judgement above 0; a task needs relevant documents."
        )
    kept = [query for query in queries if query in judged]
    return Retrieval(
        name=name,
        queries=[queries[query] for query in kept],
        documents=list(documents.values()),
        document_ids=list(documents),
        relevance=[judged[query] for query in kept],
    )


def _read_texts(path: Path) -> dict[str, str]:
    """Texts by identifier; a title that the text does not begin with is put in front of it."""
    texts = {}
    for number, row in enumerate(read_json_lines(path), start=1):
        identifier, text = row.get("id", row.get("_id")), row.get("text")
        if identifier is None or not isinstance(text, str):
            raise TaskDataError(
                f"{path}: record {number} needs 'id' and a text in 'text', got the keys "
                f"{', '.join(row)}."
            )
        title = row.get("title") or ""
        texts[str(identifier)] = text if text.startswith(title) else f"{title} {text}".strip()
    return texts
