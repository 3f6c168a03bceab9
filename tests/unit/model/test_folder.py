"""A model folder: `transformers` reads the same numbers from it, it comes back as it was, and damage is named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from trivium.ground.errors import ArtifactError
from trivium.model.config import ModelConfig, RopeScaling
from trivium.model.folder import INDEX, load_model, save_model
from trivium.model.reward import RewardModel, begin_reward, load_reward
from trivium.model.transformer import Transformer

CPU = torch.device("cpu")
SPECIAL = {"<|endoftext|>": 90}
LLAMA3 = RopeScaling(kind="llama3", factor=8.0, original_positions=64)
SHAPES = {
    "qwen3": {"model_type": "qwen3"},
    "qwen3, grouped": {"model_type": "qwen3", "num_key_value_heads": 2, "rope_theta": 1e6},
    "qwen3, tied": {"model_type": "qwen3", "tie_word_embeddings": True},
    "llama": {"model_type": "llama", "num_key_value_heads": 2, "rms_norm_eps": 1e-5},
    "llama, tied": {"model_type": "llama", "tie_word_embeddings": True},
    "llama, biases": {"model_type": "llama", "attention_bias": True, "mlp_bias": True},
    "llama 3.1": {"model_type": "llama", "num_key_value_heads": 1, "rope_theta": 5e5, "rope_scaling": LLAMA3},
    "llama, linear": {"model_type": "llama", "rope_scaling": RopeScaling(kind="linear", factor=2.5)},
    "qwen2": {"model_type": "qwen2", "num_key_value_heads": 2},
    "qwen2, tied": {"model_type": "qwen2", "tie_word_embeddings": True},
    "qwen3, biases": {"model_type": "qwen3", "attention_bias": True, "head_dim": 24},
}


def shape(**changes: Any) -> ModelConfig:
    plain = {"vocab_size": 97, "hidden_size": 48, "intermediate_size": 80, "num_hidden_layers": 3}
    return ModelConfig(**(plain | {"num_attention_heads": 4, "num_key_value_heads": 4, "head_dim": 16} | changes))


def randomize(model: Transformer, seed: int = 0) -> None:
    """Weights that are nowhere zero or one, so that each has its say."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            parameter.copy_(1 + 0.3 * noise if parameter.ndim == 1 else noise * parameter.shape[-1] ** -0.5)


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(params=SHAPES, ids=str)
def model(request: pytest.FixtureRequest) -> Transformer:
    model = Transformer(shape(**SHAPES[request.param]))
    randomize(model)
    return model


def ids(rows: int = 3, length: int = 41) -> torch.Tensor:
    return torch.randint(0, 90, (rows, length), generator=torch.Generator().manual_seed(1))


def test_transformers_gives_the_same_logits(model: Transformer, tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM

    save_model(tmp_path, model, SPECIAL)
    theirs = AutoModelForCausalLM.from_pretrained(tmp_path, dtype=torch.float32).eval()
    assert type(theirs).__name__ == json.loads((tmp_path / "config.json").read_text())["architectures"][0]
    with torch.no_grad():
        ours_BTV = model.logits(model(ids()))
        theirs_BTV = theirs(ids()).logits
    assert ours_BTV.std() > 0.5, "logits that say something"
    torch.testing.assert_close(ours_BTV, theirs_BTV, atol=1e-5, rtol=0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("name", SHAPES)
def test_a_folder_that_transformers_saved_gives_the_same_logits(name: str, dtype: torch.dtype, tmp_path: Path) -> None:
    from transformers import AutoConfig, AutoModelForCausalLM

    wanted = shape(**SHAPES[name])
    torch.manual_seed(0)
    theirs = AutoModelForCausalLM.from_config(AutoConfig.for_model(**wanted.to_hf(SPECIAL)), dtype=torch.float32)
    with torch.no_grad():  # their first weights are too small, and their biases zero: all logits would look alike
        for parameter in theirs.parameters():
            noise = torch.randn(parameter.shape)
            parameter.copy_(1 + 0.3 * noise if parameter.ndim == 1 else noise * parameter.shape[-1] ** -0.5)
    theirs.to(dtype).save_pretrained(tmp_path, max_shard_size="20KB" if dtype == torch.float32 else "5GB")
    assert (tmp_path / INDEX).is_file() == (dtype == torch.float32), "many shards are tried, too"
    again = AutoModelForCausalLM.from_pretrained(tmp_path, dtype=torch.float32).eval()
    ours = load_model(tmp_path, CPU)
    assert ours.config == wanted
    with torch.no_grad():
        ours_BTV, theirs_BTV = ours.logits(ours(ids())), again(ids()).logits
    assert ours_BTV.std() > 0.5, "logits that say something"
    torch.testing.assert_close(ours_BTV, theirs_BTV, atol=1e-5, rtol=0)


def test_an_index_names_files_beside_it_only(tmp_path: Path) -> None:
    save_model(tmp_path, Transformer(shape()), SPECIAL)
    (tmp_path / "model.safetensors").rename(tmp_path / "other.safetensors")
    (tmp_path / INDEX).write_text(json.dumps({"weight_map": {"a": "other.safetensors"}}))
    load_model(tmp_path, CPU)
    for name in ("../other.safetensors", "/other.safetensors", "other.bin", 3):
        (tmp_path / INDEX).write_text(json.dumps({"weight_map": {"a": name}}))
        with pytest.raises(ArtifactError):
            load_model(tmp_path, CPU)
    (tmp_path / INDEX).write_text(json.dumps({"weight_map": {"a": "gone.safetensors"}}))
    with pytest.raises(ArtifactError, match="missing"):
        load_model(tmp_path, CPU)


def test_a_tensor_without_a_place_is_refused(tmp_path: Path) -> None:
    save_model(tmp_path, Transformer(shape(model_type="qwen3")), SPECIAL)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"model_type": "llama"}))
    with pytest.raises(ArtifactError, match=r"k_norm\.weight, which a llama model does not"):
        load_model(tmp_path, CPU)


def test_a_folder_comes_back_bit_for_bit(model: Transformer, tmp_path: Path) -> None:
    save_model(tmp_path / "once", model, SPECIAL)
    again = load_model(tmp_path / "once", CPU)
    assert again.config == model.config
    assert again.state_dict().keys() == model.state_dict().keys()
    assert all(torch.equal(value, again.state_dict()[name]) for name, value in model.state_dict().items())
    save_model(tmp_path / "twice", again, SPECIAL)
    for name in ("config.json", "model.safetensors"):
        assert (tmp_path / "once" / name).read_bytes() == (tmp_path / "twice" / name).read_bytes()


def test_tied_embeddings_are_one_matrix(tmp_path: Path) -> None:
    save_model(tmp_path, Transformer(shape(tie_word_embeddings=True)), SPECIAL)
    again = load_model(tmp_path, CPU)
    assert again.lm_head.weight is again.embed_tokens.weight
    assert b"lm_head" not in (tmp_path / "model.safetensors").read_bytes()[:4096]


@pytest.mark.parametrize("name", ["qwen3, grouped", "llama", "qwen3, tied"])
def test_a_reward_folder_is_a_sequence_classifier_with_the_same_scores(name: str, tmp_path: Path) -> None:
    from transformers import AutoModelForSequenceClassification

    model = RewardModel(shape(**SHAPES[name]))
    randomize(model)
    save_model(tmp_path, model, SPECIAL)
    theirs = AutoModelForSequenceClassification.from_pretrained(tmp_path, dtype=torch.float32).eval()
    lengths = torch.tensor([41, 17, 5])
    padded = ids().where(torch.arange(41) < lengths[:, None], SPECIAL["<|endoftext|>"])
    with torch.no_grad():
        found = theirs(padded, attention_mask=(padded != 90).long()).logits
        without_mask = theirs(padded).logits
        wanted = model.scores(padded)[torch.arange(3), lengths - 1]
    assert found.shape == (3, 1)
    torch.testing.assert_close(found[:, 0], wanted, atol=1e-4, rtol=0)
    torch.testing.assert_close(without_mask, found, atol=1e-5, rtol=0)
    again = load_reward(tmp_path, CPU)
    assert torch.equal(again.scores(padded), model.scores(padded))


def test_a_reward_model_begins_without_an_opinion(tmp_path: Path) -> None:
    save_model(tmp_path, Transformer(shape()), SPECIAL)
    model = begin_reward(tmp_path, CPU)
    assert torch.equal(model.scores(ids()), torch.zeros(3, 41))
    with pytest.raises(TypeError, match="no logits"):
        model.logits(model(ids()))


def test_the_wrong_kind_of_folder_is_refused(tmp_path: Path) -> None:
    save_model(tmp_path / "chat", Transformer(shape()), SPECIAL)
    save_model(tmp_path / "judge", RewardModel(shape()), SPECIAL)
    with pytest.raises(ArtifactError, match=r"no reward model"):
        load_reward(tmp_path / "chat", CPU)
    with pytest.raises(ArtifactError, match=r"lacks lm_head\.weight"):
        load_model(tmp_path / "judge", CPU)


STRANGE: list[tuple[dict[str, Any], str]] = [
    ({"model_type": "mamba"}, "mamba"),
    ({"rope_scaling": {"rope_type": "yarn", "factor": 4}}, "yarn"),
    ({"rope_scaling": {"type": "dynamic", "factor": 4}}, "dynamic"),
    ({"rope_scaling": {"rope_type": "llama3", "factor": 4}}, "low_freq_factor"),
    ({"rope_scaling": {"rope_type": "linear", "factor": 0.5}}, "factor"),
    ({"attention_bias": True}, "lacks model.layers.0.self_attn.q_proj.bias"),
    ({"layer_types": ["full_attention", "sliding_attention"]}, "sliding"),
    ({"partial_rotary_factor": 0.5}, "partial_rotary_factor"),
    ({"hidden_act": "gelu"}, "gelu"),
    ({"quantization_config": {"bits": 4}}, "quantization_config"),
]


def test_damage_is_named(tmp_path: Path) -> None:
    save_model(tmp_path, Transformer(shape()), SPECIAL)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"hidden_size": 64}))
    with pytest.raises(ArtifactError, match=r"has \(97, 48\), not \(97, 64\)"):
        load_model(tmp_path, CPU)
    (tmp_path / "config.json").write_text(json.dumps(config | {"num_hidden_layers": 4}))
    with pytest.raises(ArtifactError, match=r"lacks model\.layers\.3"):
        load_model(tmp_path, CPU)
    for strange, said in STRANGE:
        (tmp_path / "config.json").write_text(json.dumps({**config, "rope_parameters": None, **strange}))
        with pytest.raises(ArtifactError, match=said):
            load_model(tmp_path, CPU)
    (tmp_path / "config.json").write_text(json.dumps(config))
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(ArtifactError, match="cannot be read"):
        load_model(tmp_path, CPU)
    weights.unlink()
    with pytest.raises(ArtifactError, match="missing"):
        load_model(tmp_path, CPU)
