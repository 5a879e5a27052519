"""The page for those who come from Model2Vec names every public call of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[1] / "docs" / "porting.md").read_text(encoding="utf-8")
# Of Model2Vec 0.10: what `__all__` of its modules names, public methods and properties of these
# classes, and what the documentation of quantization uses.
CALLS = """
StaticModel quantize_model distill distill_from_model quantize_embeddings DType
from_pretrained from_sentence_transformers save_pretrained push_to_hub encode encode_as_sequence
tokenize dim normalize max_length embedding_dtype vocabulary_quantization
StaticModelPipeline convert_legacy_pipeline evaluate_single_or_multi_label predict predict_proba
evaluate
StaticModelForClassification StaticModelForSimilarity StaticModelForRegression
StaticModelForPairSimilarity from_static_model to_static_model to_pipeline fit
create_model_card get_metadata_from_readme load_pretrained push_folder_to_hub
clean_and_create_vocabulary turn_tokens_into_ids onnx
""".split()
# Keywords of `encode`, of which one that is not named is looked for in vain.
ENCODE = """
show_progress_bar max_length normalize batch_size use_multiprocessing multiprocessing_threshold
""".split()


def rows_of_model2vec() -> list[str]:
    """First cells of the table of all calls."""
    table = PAGE.partition("Every public call of Model2Vec")[2].partition("\n\n")[2]
    table = table.partition("\n\n")[0]
    return [line.split(" | ")[0] for line in table.splitlines()[2:]]


@pytest.mark.parametrize("name", CALLS)
def test_the_page_names_the_call(name: str) -> None:
    code = " ".join(re.findall(r"`([^`]+)`", " ".join(rows_of_model2vec())))
    assert re.search(rf"\b{name}\b", code)


def test_the_row_of_encode_names_its_keywords() -> None:
    [row] = [row for row in rows_of_model2vec() if row.startswith("| `encode(")]
    assert [name for name in ENCODE if not re.search(rf"\b{name}\b", row)] == []
