"""Weights in: sealed as they were, from folders and GGUF files, and refused with a reason when anything is amiss."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from trivium.cli.app import answer
from trivium.ground.artifact import Artifact, open_artifact
from trivium.ground.errors import ArtifactError, UsageError
from trivium.model.folder import load_model
from trivium.model.gguf.container import Coming, read, write
from trivium.model.gguf.weights import values_of
from trivium.stages.weights.config import ImportConfig
from trivium.stages.weights.export import to_folder, to_gguf
from trivium.stages.weights.run import run
from trivium.text.tokenizer import CHECK_TEXTS, Tokenizer

CPU = torch.device("cpu")
NAMES = ["llama, tied", "llama 3.1", "llama, biases", "llama, linear", "qwen2", "qwen3"]
Foreign = Callable[[str], Path]


def take(source: Path, out: Path, name: str = "") -> Artifact:
    return run(ImportConfig(name=name), source, out)


def same_model(one: Path, other: Path) -> None:
    a, b = load_model(one, CPU), load_model(other, CPU)
    assert a.config == b.config
    assert a.state_dict().keys() == b.state_dict().keys()
    assert all(torch.equal(value, b.state_dict()[name]) for name, value in a.state_dict().items())


def test_a_folder_is_sealed_as_it_is(foreign: Foreign, tmp_path: Path) -> None:
    source = foreign("qwen3")
    found = take(source, tmp_path / "in")
    assert (found.kind, found.manifest["stage"]) == ("model", "import")
    for name in ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "README.md"):
        assert found.file(name).read_bytes() == (source / name).read_bytes()
    facts = found.manifest["facts"]
    assert (facts["name"], facts["licence"], facts["chat"]) == ("foreign", "cc-by-4.0", True)
    assert facts["parameters"] == sum(p.numel() for p in load_model(source, CPU).parameters())
    assert open_artifact(tmp_path / "in", "model", hashes=True).id == found.id


def test_the_id_is_the_weights_not_the_place(foreign: Foreign, tmp_path: Path) -> None:
    source = foreign("llama, tied")
    first = take(source, tmp_path / "a")
    moved = source.rename(tmp_path / "moved")
    assert take(moved, tmp_path / "b").id == first.id
    before = (tmp_path / "a" / "manifest.json").stat().st_mtime_ns
    assert take(moved, tmp_path / "a").id == first.id
    assert (tmp_path / "a" / "manifest.json").stat().st_mtime_ns == before, "nothing is done twice"
    tensors = load_file(moved / "model.safetensors")
    tensors["model.norm.weight"] += 1
    save_file(tensors, moved / "model.safetensors")
    assert take(moved, tmp_path / "a").id != first.id


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", ["f32", "f16", "bf16"])
def test_our_own_gguf_reads_back_as_the_same_model(name: str, dtype: str, foreign: Foreign, tmp_path: Path) -> None:
    first = take(foreign(name), tmp_path / "first")
    to_gguf(first, tmp_path / "a.gguf", dtype)
    again = take(tmp_path / "a.gguf", tmp_path / "again")
    ours, theirs = load_model(first.path, CPU), load_model(again.path, CPU)
    assert theirs.config == ours.config
    rounded = {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16}[dtype]
    for (key, value), found in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        assert torch.equal(found, value.to(rounded).float() if value.ndim == 2 else value), key
    assert load_file(again.file("model.safetensors"))["model.embed_tokens.weight"].dtype == rounded
    one, other = Tokenizer.open(first.path), Tokenizer.open(again.path)
    assert one.encode_batch(CHECK_TEXTS) == other.encode_batch(CHECK_TEXTS)
    assert (one.special, one.turn_end, one.end_of_text, one.opening) == (
        other.special, other.turn_end, other.end_of_text, other.opening,
    )  # fmt: skip
    assert one.template == other.template


def test_a_model_of_ours_comes_back_from_gguf(own: Callable[..., Artifact], tmp_path: Path) -> None:
    mine = own(tie_word_embeddings=True, num_key_value_heads=2)
    to_gguf(mine, tmp_path / "a.gguf")
    again = take(tmp_path / "a.gguf", tmp_path / "again")
    same_model(mine.path, again.path)
    ours, theirs = Tokenizer.open(mine.path), Tokenizer.open(again.path)
    assert ours.encode_batch(CHECK_TEXTS) == theirs.encode_batch(CHECK_TEXTS)
    assert ours.special == theirs.special
    from trivium.text.chat import prompt

    talk = [{"role": "user", "content": "Hi <|im_end|>"}]
    for think in (None, True, False):
        assert prompt(ours, talk, think) == prompt(theirs, talk, think)


COMMON = ("Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K", "IQ4_NL", "IQ4_XS", "MXFP4")


@pytest.mark.parametrize("name", COMMON)
def test_every_common_quantisation_is_dequantised(name: str, tmp_path: Path) -> None:
    gguf = pytest.importorskip("gguf", reason="the extra gguf is not installed")
    kind = gguf.GGMLQuantizationType[name]
    block, size = gguf.GGML_QUANT_SIZES[kind]
    values = np.random.default_rng(0).normal(size=(8, 512)).astype(np.float32)
    try:
        data, near = gguf.quantize(values, kind), True
    except NotImplementedError:  # it can only read this kind: any bytes will do
        data, near = np.random.default_rng(0).integers(0, 60, (8, 512 // block * size), dtype=np.uint8), False
    writer = gguf.GGUFWriter(tmp_path / "a.gguf", "llama")
    writer.add_tensor("t", data, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    found = values_of(read(tmp_path / "a.gguf"), "t")
    assert found.shape == values.shape
    assert np.array_equal(found, gguf.dequantize(data, kind))
    assert found.std() > 0
    assert np.abs(found - values).mean() < 0.2 or not near


def changed(path: Path, **metadata: Any) -> None:
    """Write the file again with other metadata (None: without that key)."""
    found = read(path)
    said = {key: value for key, value in (found.metadata | metadata).items() if value is not None}
    tensors = [Coming(n, t.shape, 0, lambda n=n: values_of(found, n)) for n, t in found.tensors.items()]
    write(path.with_suffix(".new"), said, tensors)
    path.with_suffix(".new").rename(path)


SAID = [
    ({"general.architecture": "mamba"}, "mamba"),
    ({"general.architecture": None}, "None"),
    ({"qwen3.embedding_length": None}, "embedding_length"),
    ({"qwen3.embedding_length": "wide"}, "does not say its shape"),
    ({"qwen3.block_count": 3}, r"lacks blk\.2"),
    ({"qwen3.block_count": 2**31}, "layers in"),
    ({"qwen3.block_count": 1}, r"unknown tensor, blk\.1"),
    ({"qwen3.expert_count": 8}, "expert_count"),
    ({"qwen3.attention.sliding_window": 512}, "sliding_window"),
    ({"qwen3.rope.scaling.type": "yarn", "qwen3.rope.scaling.factor": 4.0}, "yarn"),
    ({"qwen3.rope.dimension_count": 8}, "dimension_count"),
    ({"tokenizer.ggml.model": "llama"}, "'llama'"),
    ({"tokenizer.ggml.pre": "tekken"}, "tekken"),
    ({"tokenizer.ggml.tokens": None}, "tokens"),
    ({"tokenizer.ggml.merges": None}, "merges"),
    ({"tokenizer.ggml.eos_token_id": 10**6}, "no whole vocabulary"),
    ({"tokenizer.ggml.token_type": [1, 2]}, "not one kind each"),
]


@pytest.mark.parametrize(("metadata", "said"), SAID, ids=[said for _, said in SAID])
def test_gguf_of_another_kind_is_refused_by_name(
    metadata: dict[str, Any], said: str, foreign: Foreign, tmp_path: Path
) -> None:
    path = to_gguf(take(foreign("qwen3"), tmp_path / "a"), tmp_path / "a.gguf")
    changed(path)
    same_model(tmp_path / "a", take(path, tmp_path / "whole").path)
    changed(path, **metadata)
    with pytest.raises(ArtifactError, match=said):
        take(path, tmp_path / "b")
    assert not (tmp_path / "b").exists()


def test_a_cut_file_and_numbers_that_are_none_are_named(foreign: Foreign, tmp_path: Path) -> None:
    path = to_gguf(take(foreign("llama, tied"), tmp_path / "a"), tmp_path / "a.gguf")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * 3 // 4])
    with pytest.raises(ArtifactError, match="was cut"):
        take(path, tmp_path / "b")
    place = read(tmp_path / "a.gguf").tensors["blk.0.attn_q.weight"].start
    for poison in (b"\x00\x00\xc0\x7f", b"\x00\x00\x80\x7f"):
        path.write_bytes(whole[:place] + poison + whole[place + 4 :])
        with pytest.raises(ArtifactError, match=r"blk\.0\.attn_q\.weight holds numbers that are not finite"):
            take(path, tmp_path / "b")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "a.gguf", "foreign"], "nothing half-made stays"


def test_quantised_files_want_the_extra(foreign: Foreign, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    path = to_gguf(take(foreign("qwen3"), tmp_path / "a"), tmp_path / "a.gguf")
    data = bytearray(path.read_bytes())
    name = b"blk.0.attn_q.weight"
    place = data.index(name) + len(name) + 4 + 16
    data[place : place + 4] = (2).to_bytes(4, "little")
    path.write_bytes(data)
    for module in ("gguf", "gguf.constants", "gguf.quants"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(UsageError, match=r"needs the package gguf.*trivium\[gguf\]"):
        take(path, tmp_path / "b")


def test_a_folder_with_something_amiss_is_refused(foreign: Foreign, tmp_path: Path) -> None:
    source = foreign("qwen2")
    config, weights = json.loads((source / "config.json").read_text()), (source / "model.safetensors").read_bytes()

    def refused(said: str, kind: type[Exception] = ArtifactError) -> None:
        with pytest.raises(kind, match=said):
            take(source, tmp_path / "in")
        assert not (tmp_path / "in").exists()

    (source / "config.json").write_text(json.dumps(config | {"model_type": "gemma"}))
    refused("gemma")
    (source / "config.json").write_text(json.dumps({"model_type": "llama"}))
    refused("num_attention_heads")
    (source / "config.json").write_text(json.dumps(config | {"vocab_size": 5}))
    refused("not \\(5, 64\\)")
    (source / "config.json").write_text(json.dumps(config))
    (source / "model.safetensors").write_bytes(weights[:-9])
    refused("cannot be read")
    tensors = {"model.norm.weight": torch.full((64,), float("nan"))}
    (source / "model.safetensors").write_bytes(weights)
    save_file(load_file(source / "model.safetensors") | tensors, source / "model.safetensors")
    refused(r"model\.norm\.weight holds numbers that are not finite")
    (source / "model.safetensors").rename(source / "pytorch_model.bin")
    refused("pickled")
    (source / "model.safetensors").write_bytes(weights)
    (source / "tokenizer.json").unlink()
    refused("tokenizer")
    with pytest.raises(ArtifactError, match="not there"):
        take(tmp_path / "nowhere", tmp_path / "in")
    with pytest.raises(ArtifactError, match="no GGUF file"):
        take(source / "config.json", tmp_path / "in")


def test_nothing_of_the_user_s_is_replaced(foreign: Foreign, tmp_path: Path) -> None:
    source, mine = foreign("qwen2"), tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("years")
    with pytest.raises(UsageError, match="something else"):
        take(source, mine)
    assert (mine / "thesis.txt").read_text() == "years"
    model = take(source, tmp_path / "in")
    for export in (to_gguf, to_folder):
        with pytest.raises(UsageError, match="there already"):
            export(model, mine)


def test_the_command_line(
    foreign: Foreign, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert answer(["import", str(foreign("llama 3.1")), "--name", "Tiny Llama"]) == 0
    assert "trivium chat runs/Tiny-Llama" in capsys.readouterr().out
    assert answer(["chat", "runs/Tiny-Llama", "-m", "Hi", "--max-new", "4", "--device", "cpu"]) == 0
    assert answer(["chat", "runs/Tiny-Llama", "-m", "Hi", "--think"]) == 2
    assert "cannot open or forbid thinking" in capsys.readouterr().err
    assert answer(["complete", "runs/Tiny-Llama", "Hi", "--max-new", "4"]) == 0
    assert answer(["verify", "runs/Tiny-Llama"]) == 0
    assert answer(["export", "gguf", "runs/Tiny-Llama", "--dtype", "bf16"]) == 0
    assert answer(["import", "Tiny-Llama-bf16.gguf", "--out", "again"]) == 0
    assert "Tiny Llama: " in capsys.readouterr().out
    assert answer(["export", "hf", "runs/Tiny-Llama", "--out", "plain"]) == 0
    assert "as it stands" in capsys.readouterr().out
    same_model(Path("runs/Tiny-Llama"), Path("plain"))
    assert not Path("plain/manifest.json").exists()
    assert answer(["import", "nowhere.gguf"]) == 3
    assert answer(["export", "gguf", "runs/Tiny-Llama", "--dtype", "bf16"]) == 2


def test_without_a_chat_template_a_model_completes_only(
    foreign: Foreign, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "in")
    assert answer(["import", str(foreign("llama, linear")), "--out", out]) == 0
    assert "trivium complete" in capsys.readouterr().out
    assert answer(["chat", out, "-m", "Hi"]) == 2
    assert "knows no conversation" in capsys.readouterr().err
    assert answer(["complete", out, "", "--max-new", "3"]) == 0
