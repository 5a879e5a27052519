"""Teachers: their own pooling, layers, prompts and length; what is refused."""

from __future__ import annotations

import json
import pickle
import shutil
import sys
import warnings
from dataclasses import replace

import numpy as np
import pytest
import safetensors.torch
import torch
import transformers

from skm2v import StaticEmbedder, StaticModel, distill, distill_from_model, load_teacher
from skm2v._cli.main import main
from skm2v._distillation import wrap_teacher
from skm2v._distillation.teacher.teacher import Teacher
from skm2v.exceptions import MissingExtraError, TeacherError, TextWarning
from tests import tiny
from tests.distill.conftest import edit_json

TEXTS = ["bank card money", "stop", "the new york bank has my money for you", "", "card " * 100]


def states_of(folder, text, max_length=64):
    """Token states of one text, alone in its batch, straight from transformers."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModel.from_pretrained(folder).eval()
    features = tokenizer(text, truncation=True, max_length=max_length, return_tensors="pt")
    with torch.inference_mode():
        return model(**features).last_hidden_state[0].numpy()


POOL = {
    "mean": lambda s: s.mean(axis=0),
    "cls": lambda s: s[0],
    "max": lambda s: s.max(axis=0),
    "lasttoken": lambda s: s[-1],
    "mean_sqrt_len_tokens": lambda s: s.sum(axis=0) / np.sqrt(len(s)),
    "weightedmean": lambda s: np.average(s, axis=0, weights=np.arange(1, len(s) + 1)),
}


def set_pooling(folder, *modes, **more):
    flags = {mode: f"pooling_mode_{mode}" for mode in ("lasttoken", "mean_sqrt_len_tokens")}
    flags |= {"mean": "pooling_mode_mean_tokens", "cls": "pooling_mode_cls_token"}
    flags |= {"max": "pooling_mode_max_tokens", "weightedmean": "pooling_mode_weightedmean_tokens"}
    edit_json(
        folder / "1_Pooling" / "config.json",
        **{flag: mode in modes for mode, flag in flags.items()},
        **more,
    )


@pytest.mark.parametrize("mode", POOL)
@pytest.mark.parametrize("side", ["right", "left"])
def test_encode_pools_as_the_teacher_says(tiny_teacher_of, tmp_path, mode, side):
    # RoBERTa counts positions from the first token, so that padding in front changes nothing.
    copied_teacher = shutil.copytree(tiny_teacher_of("bpe"), tmp_path / "teacher")
    set_pooling(copied_teacher, mode)
    edit_json(copied_teacher / "tokenizer_config.json", padding_side=side)
    teacher = load_teacher(copied_teacher)
    vectors = teacher.encode(TEXTS, batch_size=5)
    for text, vector in zip(TEXTS, vectors, strict=True):
        expected = POOL[mode](states_of(copied_teacher, text))
        np.testing.assert_allclose(vector, expected / np.linalg.norm(expected), atol=1e-5)


def test_encode_of_each_tokenizer_family(any_tiny_teacher):
    vectors = load_teacher(any_tiny_teacher).encode(TEXTS, batch_size=2)
    for text, vector in zip(TEXTS, vectors, strict=True):
        expected = states_of(any_tiny_teacher, text).mean(axis=0)
        np.testing.assert_allclose(vector, expected / np.linalg.norm(expected), atol=1e-5)


def test_several_poolings_stand_side_by_side(copied_teacher):
    set_pooling(copied_teacher, "mean", "cls")
    (copied_teacher / "modules.json").write_text(
        json.dumps(json.loads((copied_teacher / "modules.json").read_text())[:2])
    )
    vector = load_teacher(copied_teacher).encode(["bank card"])[0]
    states = states_of(copied_teacher, "bank card")
    expected = np.concatenate([states[0], states.mean(axis=0)])
    np.testing.assert_allclose(vector, expected, atol=1e-5)


def test_the_newer_spelling_of_the_pooling(copied_teacher):
    (copied_teacher / "1_Pooling" / "config.json").write_text('{"pooling_mode": "cls"}')
    assert load_teacher(copied_teacher).head.poolings == ("cls",)
    (copied_teacher / "1_Pooling" / "config.json").write_text('{"pooling_mode": ["cls", "max"]}')
    assert load_teacher(copied_teacher).head.poolings == ("cls", "max")
    (copied_teacher / "1_Pooling" / "config.json").write_text('{"pooling_mode": "guess"}')
    with pytest.raises(TeacherError, match="pooling mode 'guess' is unknown"):
        load_teacher(copied_teacher)


def test_dense_layers_are_applied(tiny_teacher_of):
    from safetensors.numpy import load_file

    folder = tiny_teacher_of("wordpiece", dense=12, normalize=False)
    weights = load_file(folder / "2_Dense" / "model.safetensors")
    mean = states_of(folder, "bank card").mean(axis=0)
    expected = np.tanh(weights["linear.weight"] @ mean + weights["linear.bias"])
    vector = load_teacher(folder).encode(["bank card"])[0]
    np.testing.assert_allclose(vector, expected, atol=1e-5)


def test_layer_norm_is_applied(copied_teacher):
    from safetensors.numpy import save_file

    rng = np.random.default_rng(0)
    weights = {name: rng.normal(size=32).astype(np.float32) for name in ("weight", "bias")}
    folder = copied_teacher / "2_LayerNorm"
    folder.mkdir()
    save_file(
        {f"norm.{name}": value for name, value in weights.items()}, folder / "model.safetensors"
    )
    (folder / "config.json").write_text('{"dimension": 32}')
    modules = json.loads((copied_teacher / "modules.json").read_text())
    modules[2].update(path="2_LayerNorm", type="sentence_transformers.models.LayerNorm")
    (copied_teacher / "modules.json").write_text(json.dumps(modules))
    mean = states_of(copied_teacher, "bank card").mean(axis=0)
    expected = (mean - mean.mean()) / np.sqrt(mean.var() + 1e-5)
    expected = expected * weights["weight"] + weights["bias"]
    vector = load_teacher(copied_teacher).encode(["bank card"])[0]
    np.testing.assert_allclose(vector, expected, atol=1e-5)


def test_prompts(tiny_teacher_of):
    folder = tiny_teacher_of("wordpiece", prompts={"query": "find: ", "passage": "text: "})
    teacher = load_teacher(folder)
    plain = teacher.encode(["find: bank"], prompt="")
    np.testing.assert_array_equal(teacher.encode(["bank"]), plain)
    np.testing.assert_array_equal(teacher.encode(["bank"], prompt="find: "), plain)
    named = teacher.encode(["bank"], prompt_name="passage")
    np.testing.assert_array_equal(named, teacher.encode(["text: bank"], prompt=""))
    assert not np.array_equal(named, plain)
    with pytest.raises(ValueError, match=r"\['passage', 'query'\]; got 'other'"):
        teacher.encode(["bank"], prompt_name="other")


def test_a_prompt_that_is_not_pooled(copied_teacher):
    set_pooling(copied_teacher, "mean", include_prompt=False)
    vector = load_teacher(copied_teacher).encode(["bank card"], prompt="the new ")[0]
    states = states_of(copied_teacher, "the new bank card")
    expected = states[3:].mean(axis=0)  # without [CLS] the new
    np.testing.assert_allclose(vector, expected / np.linalg.norm(expected), atol=1e-5)


def test_lowercasing_teachers(copied_teacher):
    spec = json.loads((copied_teacher / "tokenizer.json").read_text())
    spec["normalizer"]["lowercase"] = False
    (copied_teacher / "tokenizer.json").write_text(json.dumps(spec))
    cased = load_teacher(copied_teacher).encode(["Bank", "bank"])
    assert not np.array_equal(cased[0], cased[1])
    edit_json(copied_teacher / "sentence_bert_config.json", do_lower_case=True)
    vectors = load_teacher(copied_teacher).encode(["Bank", "bank"])
    np.testing.assert_allclose(vectors[0], vectors[1], atol=1e-6)


def test_the_order_and_number_of_texts_and_the_batch_size_do_not_matter(tiny_teacher):
    teacher = load_teacher(tiny_teacher)
    texts = list(tiny.SENTENCES)
    expected = teacher.encode(texts, batch_size=64)
    np.testing.assert_allclose(teacher.encode(texts, batch_size=7), expected, atol=1e-5)
    np.testing.assert_allclose(teacher.encode(texts[::-1])[::-1], expected, atol=1e-5)
    assert teacher.encode([]).shape == (0, 32)


def test_the_length_of_sentence_transformers_wins(copied_teacher):
    assert load_teacher(copied_teacher).max_length == 64  # tokenizer_config.json says 128
    (copied_teacher / "sentence_bert_config.json").unlink()
    assert load_teacher(copied_teacher).max_length == 128
    edit_json(copied_teacher / "tokenizer_config.json", model_max_length=int(1e30))
    assert load_teacher(copied_teacher).max_length == 128  # positions of the encoder


def test_positions_of_roberta_start_late(tiny_teacher_of, tmp_path):
    folder = shutil.copytree(tiny_teacher_of("bpe"), tmp_path / "roberta")
    (folder / "sentence_bert_config.json").unlink()
    edit_json(folder / "tokenizer_config.json", model_max_length=int(1e30))
    teacher = load_teacher(folder)
    assert teacher.max_length == 128  # of 130 positions
    assert np.isfinite(teacher.encode(["card " * 500])).all()


def test_a_plain_transformer_is_mean_pooled(plain_teacher):
    teacher = load_teacher(plain_teacher)
    expected = states_of(plain_teacher, "bank card").mean(axis=0)
    np.testing.assert_allclose(teacher.encode(["bank card"])[0], expected, atol=1e-5)


def test_a_transformer_in_a_folder_of_its_own(tiny_teacher, tmp_path):
    expected = load_teacher(tiny_teacher).encode(["bank card"])
    folder = tmp_path / "old"
    shutil.copytree(tiny_teacher, folder / "0_Transformer")
    for name in ("modules.json", "config_sentence_transformers.json", "1_Pooling"):
        (folder / "0_Transformer" / name).rename(folder / name)
    modules = json.loads((folder / "modules.json").read_text())
    modules[0]["path"] = "0_Transformer"
    (folder / "modules.json").write_text(json.dumps(modules))
    np.testing.assert_array_equal(load_teacher(folder).encode(["bank card"]), expected)


def test_half_precision_weights_are_computed_in_float32(copied_teacher):
    model = transformers.AutoModel.from_pretrained(copied_teacher).half()
    model.save_pretrained(copied_teacher)
    teacher = load_teacher(copied_teacher)
    assert next(teacher.encoder.parameters()).dtype == torch.float32
    assert teacher.encode(["bank"]).dtype == np.float32


def test_encoder_decoder_teachers(tmp_path):
    """sentence-t5 has the weights of the encoder alone."""
    tokenizer = tiny.unigram_tokenizer()
    config = transformers.T5Config(
        vocab_size=tokenizer.get_vocab_size(),
        d_model=16,
        d_kv=8,
        d_ff=32,
        num_layers=1,
        num_heads=2,
    )
    transformers.T5EncoderModel(config).eval().save_pretrained(tmp_path)
    tiny.tiny_tokenizer("unigram").save(str(tmp_path / "tokenizer.json"))
    edit = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "unk_token": "<unk>",
        "pad_token": "<pad>",
    }
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(edit))
    assert load_teacher(tmp_path).encode(["bank card"]).shape == (1, 16)
    assert distill(tmp_path, pca_dims=4).dim == 4


# --- in memory ---------------------------------------------------------------------------------


def test_a_model_in_memory_gives_what_its_folder_gives(any_tiny_teacher):
    model = transformers.AutoModel.from_pretrained(any_tiny_teacher)
    tokenizer = transformers.AutoTokenizer.from_pretrained(any_tiny_teacher)
    ours = distill_from_model(model, tokenizer, pca_dims=8)
    theirs = distill(any_tiny_teacher, pca_dims=8)
    np.testing.assert_array_equal(ours.embedding, theirs.embedding)
    assert ours.tokens == theirs.tokens
    assert ours.config.teacher == any_tiny_teacher.name


def test_a_model_in_memory_is_left_as_it_is(plain_teacher):
    model = transformers.AutoModel.from_pretrained(plain_teacher).train()
    tokenizer = transformers.AutoTokenizer.from_pretrained(plain_teacher)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    backend = tokenizer.backend_tokenizer.to_str()
    distill_from_model(model, tokenizer, pca_dims=8, vocabulary=["bankcard"])
    assert model.training
    assert tokenizer.backend_tokenizer.to_str() == backend
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, before[name])


def test_a_changed_model_in_memory_is_another_teacher(plain_teacher):
    model = transformers.AutoModel.from_pretrained(plain_teacher)
    tokenizer = transformers.AutoTokenizer.from_pretrained(plain_teacher)
    first = distill_from_model(model, tokenizer, pca_dims=8)
    with torch.no_grad():
        model.embeddings.word_embeddings.weight[10] += 1
    assert distill_from_model(model, tokenizer, pca_dims=8) != first


@pytest.mark.parametrize("dense", [None, 12])
def test_a_sentence_transformer_in_memory(tiny_teacher_of, dense):
    sentence_transformers = pytest.importorskip("sentence_transformers")
    folder = tiny_teacher_of("wordpiece", dense=dense, pooling="max", prompts={"query": "find: "})
    model = sentence_transformers.SentenceTransformer(str(folder), device="cpu")
    teacher = wrap_teacher(model)
    np.testing.assert_allclose(teacher.encode(TEXTS), model.encode(TEXTS), atol=1e-5)
    np.testing.assert_allclose(load_teacher(folder).encode(TEXTS), model.encode(TEXTS), atol=1e-5)
    ours = distill_from_model(model, pca_dims=8, pooling="auto")
    np.testing.assert_allclose(
        ours.embedding, distill(folder, pca_dims=8, pooling="auto").embedding, atol=1e-3
    )


def test_what_is_no_model_or_tokenizer(plain_teacher):
    with pytest.raises(TeacherError, match="got str"):
        distill_from_model("sentence-transformers/all-MiniLM-L6-v2", None)
    model = transformers.AutoModel.from_pretrained(plain_teacher)
    with pytest.raises(TeacherError, match="fast one.*got NoneType"):
        distill_from_model(model)


# --- refused -----------------------------------------------------------------------------------


class Bomb:
    """A pickle that leaves a mark when it is loaded."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return open, (str(self.marker), "w")


@pytest.fixture
def poisoned(copied_teacher, tmp_path):
    """A teacher with code in every place where one could be, and the mark that it would leave."""
    marker = tmp_path / "ran.txt"
    code = f"open({str(marker)!r}, 'w')\nfrom transformers import BertModel, BertConfig\n"
    for name in ("modeling_evil", "tokenization_evil", "configuration_evil"):
        (copied_teacher / f"{name}.py").write_text(code + "class Evil(BertModel): pass\n")
    auto = {"AutoModel": "modeling_evil.Evil", "AutoConfig": "configuration_evil.Evil"}
    edit_json(copied_teacher / "config.json", auto_map=auto)
    edit_json(
        copied_teacher / "tokenizer_config.json",
        auto_map={"AutoTokenizer": [None, "tokenization_evil.Evil"]},
    )
    for name in ("pytorch_model.bin", "training_args.bin", "1_Pooling/pytorch_model.bin"):
        (copied_teacher / name).write_bytes(pickle.dumps(Bomb(marker)))
    return copied_teacher, marker


def test_a_poisoned_folder_runs_nothing(poisoned):
    """P32."""
    folder, marker = poisoned
    model = distill(folder, pca_dims=8)  # the safetensors and the known classes are harmless
    assert model.dim == 8
    assert not marker.exists()


@pytest.mark.parametrize("allow", [False, True])
def test_a_poisoned_folder_with_nothing_else_runs_nothing(poisoned, allow):
    folder, marker = poisoned
    (folder / "model.safetensors").unlink()
    with pytest.raises(TeacherError, match="pickle" if not allow else "does not load"):
        distill(folder, allow_pickle_weights=allow)
    assert not marker.exists()


def test_unknown_modules_and_activations_are_not_imported(
    copied_teacher, tiny_teacher_of, tmp_path
):
    modules = json.loads((copied_teacher / "modules.json").read_text())
    modules[2]["type"] = "modeling_evil.Evil"
    (copied_teacher / "modules.json").write_text(json.dumps(modules))
    with pytest.raises(TeacherError, match="module Evil .*not supported"):
        load_teacher(copied_teacher)
    folder = shutil.copytree(tiny_teacher_of("wordpiece", dense=8), tmp_path / "dense")
    edit_json(folder / "2_Dense" / "config.json", activation_function="os.system")
    with pytest.raises(TeacherError, match=r"'os.system' is not supported"):
        load_teacher(folder)


def test_pickled_weights_are_refused_unless_asked_for(plain_teacher, tmp_path):
    folder = shutil.copytree(plain_teacher, tmp_path / "bin")
    model = transformers.AutoModel.from_pretrained(folder)
    (folder / "model.safetensors").unlink()
    torch.save(model.state_dict(), folder / "pytorch_model.bin")
    with pytest.raises(TeacherError, match=r"pytorch_model\.bin.*allow_pickle_weights=True"):
        distill(folder)
    ours = distill(folder, pca_dims=8, allow_pickle_weights=True)
    np.testing.assert_array_equal(ours.embedding, distill(plain_teacher, pca_dims=8).embedding)


def test_pickled_dense_weights_are_refused_unless_asked_for(tiny_teacher_of, tmp_path):
    from safetensors.torch import load_file

    folder = shutil.copytree(tiny_teacher_of("wordpiece", dense=8), tmp_path / "dense")
    expected = load_teacher(folder).encode(["bank"])
    weights = load_file(folder / "2_Dense" / "model.safetensors")
    (folder / "2_Dense" / "model.safetensors").unlink()
    torch.save(weights, folder / "2_Dense" / "pytorch_model.bin")
    with pytest.raises(TeacherError, match="allow_pickle_weights"):
        load_teacher(folder)
    allowed = load_teacher(folder, allow_pickle_weights=True)
    np.testing.assert_array_equal(allowed.encode(["bank"]), expected)


def test_a_folder_without_weights_or_model(copied_teacher, tmp_path):
    (copied_teacher / "model.safetensors").unlink()
    with pytest.raises(TeacherError, match="no weights"):
        distill(copied_teacher)
    with pytest.raises(TeacherError, match=r"no config\.json"):
        distill(tmp_path)


def test_damaged_weights(copied_teacher):
    path = copied_teacher / "model.safetensors"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(TeacherError, match="does not load"):
        distill(copied_teacher)


def test_weights_that_are_not_all_there(copied_teacher):
    from safetensors.torch import load_file, save_file

    path = copied_teacher / "model.safetensors"
    weights = load_file(path)
    for name in list(weights):
        if "layer.1." in name:
            del weights[name]
    save_file(weights, path, {"format": "pt"})
    with pytest.raises(TeacherError, match=r"lack 16 .*would be random"):
        distill(copied_teacher)


def test_a_pooler_without_weights_is_not_used(copied_teacher):
    from safetensors.torch import load_file, save_file

    path = copied_teacher / "model.safetensors"
    weights = {k: v for k, v in load_file(path).items() if not k.startswith("pooler")}
    save_file(weights, path, {"format": "pt"})
    assert distill(copied_teacher, pca_dims=8).dim == 8
    with pytest.raises(TeacherError, match=r"no weights for its pooler"):
        distill(copied_teacher, pooling="pooler")


def test_a_static_model_is_no_teacher(tiny_static, tmp_path):
    tiny_static.save_pretrained(tmp_path)
    with pytest.raises(TeacherError, match=r"StaticModel\.from_pretrained"):
        distill(tmp_path)


@pytest.mark.parametrize("missing", ["torch", "transformers"])
def test_a_missing_extra_is_named(tiny_teacher, monkeypatch, missing):
    for name in list(sys.modules):
        if name == missing or name.startswith(missing + "."):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(
        MissingExtraError, match=rf'needs {missing}.*pip install "skm2v\[distill\]"'
    ):
        distill(tiny_teacher)


def test_devices(tiny_teacher):
    assert load_teacher(tiny_teacher, device="cpu").device == "cpu"
    auto = load_teacher(tiny_teacher, device="auto").device
    assert auto == load_teacher(tiny_teacher).device
    assert auto in ("cpu", "cuda", "mps")


@pytest.mark.parametrize("device", ["abacus", "cuda:77", "mps:9", "xla"])
def test_a_device_that_is_not_there_is_an_error_that_lists_those_that_are(tiny_teacher, device):
    with pytest.raises(TeacherError, match=rf"device='{device}' cannot be used; there is 'cpu'"):
        load_teacher(tiny_teacher, device=device)
    with pytest.raises(TeacherError, match="leave device at None"):
        distill(tiny_teacher, device=device)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a card")
def test_cuda_without_a_card_is_an_error_of_ours(tiny_teacher):
    with pytest.raises(TeacherError, match=r"device='cuda' cannot be used; there is 'cpu' here"):
        distill(tiny_teacher, device="cuda")


def test_weights_that_are_a_pointer_are_named(copied_teacher):
    (copied_teacher / "model.safetensors").write_text(
        "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"
    )
    with pytest.raises(TeacherError, match=r"model\.safetensors.*pointer of Git LFS.*git lfs pull"):
        load_teacher(copied_teacher)


@pytest.mark.parametrize("kind", tiny.KINDS)
@pytest.mark.parametrize("pooling", ["mean", "auto", "first", "last"])
def test_a_prompt_is_read_before_a_token_as_before_a_text(tmp_path, kind, pooling):
    folder = tiny.write_sentence_transformer(tmp_path / kind, kind, normalize=False)
    teacher = load_teacher(folder)
    read = teacher.tokenizer.backend_tokenizer.encode
    text = {"wordpiece": "bank", "bpe": " bank", "unigram": "bank"}[kind]
    sequence = read(text).ids
    whole = read(f"the money: {text.strip()}").ids
    prompted = replace(teacher, prompt="the money: ")
    one = prompted.embed_tokens([sequence], pooling=pooling)
    other = teacher.embed_tokens([whole], pooling=pooling)
    np.testing.assert_allclose(one, other, atol=1e-6)
    if pooling == "auto":
        np.testing.assert_allclose(one, prompted.encode([text.strip()]), atol=1e-5)
    plain = teacher.embed_tokens([sequence], pooling=pooling)
    for nothing in ("", "  "):
        without = replace(teacher, prompt=nothing).embed_tokens([sequence], pooling=pooling)
        np.testing.assert_array_equal(without, plain)
    assert not np.allclose(one, plain, atol=1e-3) or pooling == "first"


def test_a_prompt_is_left_out_of_the_pooling_where_the_teacher_leaves_it_out(tmp_path):
    folder = tiny.write_sentence_transformer(tmp_path / "teacher", normalize=False)
    edit_json(folder / "1_Pooling" / "config.json", include_prompt=False)
    teacher = replace(load_teacher(folder), prompt="the money: ")
    sequence = teacher.tokenizer("bank")["input_ids"]
    for pooling in ("mean", "auto"):
        one = teacher.embed_tokens([sequence], pooling=pooling)
        other = teacher.encode(["bank"])
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_a_tokenizer_that_pads_and_cuts_changes_nothing_of_prompts(copied_teacher):
    """As the real MiniLM's, which pads to 128."""
    plain = replace(load_teacher(copied_teacher), prompt="the bank " * 5)
    edit_json(
        copied_teacher / "tokenizer.json",
        padding={
            "strategy": {"Fixed": 20},
            "direction": "Right",
            "pad_to_multiple_of": None,
            "pad_id": 0,
            "pad_type_id": 0,
            "pad_token": "[PAD]",
        },
        truncation={
            "direction": "Right",
            "max_length": 6,
            "strategy": "LongestFirst",
            "stride": 0,
        },
    )
    padding = replace(load_teacher(copied_teacher), prompt="the bank " * 5)
    assert len(padding.tokenizer.backend_tokenizer.encode("bank").ids) == 20
    sequences = [[4, 20, 5]]
    assert padding._after_prompt(sequences) == plain._after_prompt(sequences)
    assert len(plain._after_prompt(sequences)[0][0]) == 13
    for nothing in (None, "", " "):
        teacher = replace(padding, prompt=nothing)
        assert teacher._after_prompt(sequences) == (sequences, 0)


def test_a_prompt_that_leaves_no_room_is_an_error(tiny_teacher):
    teacher = replace(load_teacher(tiny_teacher), prompt="the " * 200)
    with pytest.raises(TeacherError, match=r"takes 200 tokens; the teacher .* reads \d+"):
        teacher.embed_tokens([[4, 20, 5]])


def test_a_long_sequence_after_a_prompt_keeps_its_end(tiny_teacher):
    teacher = replace(load_teacher(tiny_teacher), prompt="the bank")
    room = teacher.max_length - 2
    [row] = teacher._after_prompt([[4, *[20] * room, 5]])[0]
    assert len(row) == teacher.max_length and row[0] == 4 and row[-1] == 5


def test_memory_is_kept_on_the_processor_whatever_the_default_device(tiny_teacher, monkeypatch):
    teacher = load_teacher(tiny_teacher)
    made, empty = [], torch.empty
    monkeypatch.setattr(
        torch, "empty", lambda *size, **options: made.append(empty(*size, **options)) or made[-1]
    )
    with torch.device("meta"), teacher._ready():
        assert [block.device.type for block in made] == ["cpu"]


@pytest.mark.parametrize("number", ["nan", "inf"])
def test_vectors_that_are_not_finite_are_an_error_that_names_the_first(copied_teacher, number):
    teacher = load_teacher(copied_teacher)
    token = teacher.tokenizer.convert_tokens_to_ids("bank")
    with torch.no_grad():
        teacher.encoder.embeddings.word_embeddings.weight[token] = float(number)
    with pytest.raises(TeacherError, match=r"NaN or infinity for 1 of 2 inputs.*\[CLS\] bank"):
        teacher.embed_tokens([[4, 21, 5], [4, token, 5]])
    with pytest.raises(TeacherError, match=r"for 1 of 3 inputs, the first of which is 'the bank'"):
        teacher.encode(["money", "the bank", "london"])
    with pytest.raises(TeacherError, match="weights are damaged"):
        distill_from_model(teacher.encoder, teacher.tokenizer)


def test_long_sequences_come_in_small_batches(tiny_teacher, monkeypatch):
    teacher = load_teacher(tiny_teacher)
    shapes = []
    forward = teacher.encoder.forward

    def watched(**inputs):
        shapes.append(tuple(inputs["input_ids"].shape))
        return forward(**inputs)

    monkeypatch.setattr(teacher.encoder, "forward", watched)
    sequences = [[4, 9, 5]] * 25 + [[4, *[9] * 38, 5]] * 5 + [[4, 9, 9, 5]]
    vectors = teacher.embed_tokens(sequences, batch_size=10)
    assert shapes == [(10, 3), (10, 3), (5, 3), (1, 4), *[(1, 40)] * 5]
    for i in (0, 25, 30):
        np.testing.assert_allclose(vectors[i], teacher.embed_tokens([sequences[i]])[0], atol=1e-6)


def test_a_prompt_reaches_the_model_and_is_another_key_of_the_cache(tiny_teacher, tmp_path):
    """As E5 wants its "query: ": tokens and texts are read after it, and the cache knows."""
    plain = distill(tiny_teacher, pca_dims=8, memory=tmp_path)
    first = distill(tiny_teacher, pca_dims=8, memory=tmp_path, prompt="the money: ")
    again = distill(tiny_teacher, pca_dims=8, memory=tmp_path, prompt="the money: ")
    other = distill(tiny_teacher, pca_dims=8, memory=tmp_path, prompt="the bank: ")
    assert first == again and len({plain, first, other}) == 3
    assert (plain.config.prompt, first.config.prompt) == (None, "the money: ")
    teacher = replace(load_teacher(tiny_teacher), prompt="the money: ")
    expected = distill_from_model(
        teacher.encoder, teacher.tokenizer, pca_dims=8, prompt="the money: "
    )
    np.testing.assert_array_equal(first.embedding, expected.embedding)
    first.save_pretrained(tmp_path / "model")
    assert '| Prompt that the teacher read | "the money: " |' in (
        tmp_path / "model" / "README.md"
    ).read_text(encoding="utf-8")
    assert StaticModel.from_pretrained(tmp_path / "model").config.prompt == "the money: "


def test_words_are_added_after_the_prompt_of_the_model(tiny_teacher):
    options = {"pca_dims": None, "sif_coefficient": None, "quantize_to": "float32"}
    model = distill(tiny_teacher, **{**options, "pca_dims": "auto"}, prompt="the money: ")
    whole = distill(
        tiny_teacher,
        vocabulary=["remdesivir"],
        **{**options, "pca_dims": None},
        prompt="the money: ",
    )
    extended = model.extend(["remdesivir"], tiny_teacher)
    wanted = whole.embedding[-1] @ model.projection.components.T
    centre = model.projection.mean @ model.projection.components.T
    np.testing.assert_allclose(extended.embedding[-1], wanted - centre, atol=1e-4)


def test_texts_are_read_after_the_prompt(tiny_teacher, monkeypatch):
    read = []
    encode = Teacher.encode
    monkeypatch.setattr(
        Teacher,
        "encode",
        lambda self, texts, **how: read.append(self.prompt) or encode(self, texts, **how),
    )
    corpus = [f"{a} {b} bank" for a in tiny.WORDS[:20] for b in tiny.WORDS[20:35]]
    embedder = StaticEmbedder(
        str(tiny_teacher), objective="sentences", pca_dims=4, prompt="the money: "
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TextWarning)
        model = embedder.fit(corpus).model_
    assert set(read) == {"the money: "} and model.config.prompt == "the money: "


@pytest.mark.parametrize("prompt", [3, ["query: "], b"query: "])
def test_a_prompt_that_is_no_text_is_refused(tiny_teacher, prompt):
    with pytest.raises(TeacherError, match="prompt must be the text"):
        distill(tiny_teacher, prompt=prompt)
    teacher = load_teacher(tiny_teacher)
    with pytest.raises(TeacherError, match="prompt must be the text"):
        distill_from_model(teacher.encoder, teacher.tokenizer, prompt=prompt)
    with pytest.raises(ValueError, match="'prompt' parameter"):
        StaticEmbedder(str(tiny_teacher), prompt=prompt).fit(["a"])


def test_a_static_source_has_no_use_for_a_prompt(tiny_static):
    with pytest.raises(ValueError, match="no effect: prompt='query: '"):
        StaticEmbedder(tiny_static, prompt="query: ").fit(["a"])


def test_pickled_weights_can_be_allowed_from_everywhere(copied_teacher, tmp_path):
    weights = safetensors.torch.load_file(copied_teacher / "model.safetensors")
    torch.save(weights, copied_teacher / "pytorch_model.bin")
    (copied_teacher / "model.safetensors").unlink()
    name = str(copied_teacher)
    with pytest.raises(TeacherError, match=r"allow_pickle_weights=True \(--allow-pickle-weights"):
        StaticEmbedder(name).fit(["a"])
    embedder = StaticEmbedder(name, pca_dims=4, allow_pickle_weights=True).fit(["a"])
    assert embedder.add_words(["remdesivir"]).model_.tokens[-1] == "remdesivir"
    command = ["distill", name, str(tmp_path / "model"), "--pca-dims", "4", "--prompt", "the: "]
    assert main(command) == 2
    assert main([*command, "--allow-pickle-weights"]) == 0
    assert StaticModel.from_pretrained(tmp_path / "model").config.prompt == "the: "
