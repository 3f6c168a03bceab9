"""The logit lens: its last row is the output, its rows are what arithmetic says, its view can be shown to anybody."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor

from trivium.cli.app import answer
from trivium.cli.lens import WIDEST, overview, ranking
from trivium.ground.artifact import Label, sealing
from trivium.ground.errors import UsageError
from trivium.model.config import ModelConfig
from trivium.model.folder import save_model
from trivium.model.inside import lens
from trivium.model.inside.lens import ROWS, lens_logits, view
from trivium.model.inside.trace import trace
from trivium.model.transformer import Transformer
from trivium.pages.lens import lens_page
from trivium.text.tokenizer import Tokenizer
from trivium.text.visible import width

BLOCKS = 3
HOSTILE = "<script>alert('x')</script>\x1b[2J naïve 你 \u202eabc"


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def build(dtype: torch.dtype = torch.float32, vocabulary: int = 263, longest: int = 1024) -> Transformer:
    shape = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": BLOCKS, "num_attention_heads": 4}
    config = ModelConfig(
        vocab_size=vocabulary, num_key_value_heads=2, head_dim=8, max_position_embeddings=longest, **shape
    )
    model = Transformer(config, dtype)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            parameter.copy_(1 + 0.2 * noise if parameter.ndim == 1 else noise * 0.2)
    return model.eval()


def ids(rows: int = 2, length: int = 11) -> Tensor:
    return torch.randint(0, 256, (rows, length), generator=torch.Generator().manual_seed(1))


def test_the_tokenizer_and_the_model_agree(byte_tokenizer: Tokenizer) -> None:
    assert byte_tokenizer.size == build().config.vocab_size


@torch.no_grad()
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_the_last_row_is_the_output_bit_for_bit(dtype: torch.dtype) -> None:
    model = build(dtype)
    rows = dict(lens_logits(trace(model, ids(), ROWS)))
    assert list(rows) == ["embedding", *(f"blocks.{i}.residual" for i in range(BLOCKS))]
    output = model.logits(model(ids()))
    assert torch.equal(rows[f"blocks.{BLOCKS - 1}.residual"], output)
    assert not any(torch.equal(row, output) for row in list(rows.values())[:-1])


@torch.no_grad()
def test_a_row_is_what_a_model_cut_there_would_say() -> None:
    model = build()
    rows = dict(lens_logits(trace(model, ids(), ROWS)))
    for kept in range(BLOCKS, 0, -1):
        model.layers = model.layers[:kept]
        assert torch.equal(rows[f"blocks.{kept - 1}.residual"], model.logits(model(ids())))


@torch.no_grad()
def test_the_view_holds_the_figures_of_the_logits(byte_tokenizer: Tokenizer) -> None:
    model, row = build(), ids(1)[0]
    found = view(model, byte_tokenizer, row.tolist(), top=4)
    run = trace(model, row[None], [*ROWS, "*.pattern"])
    assert [each["name"] for each in found["rows"]] == ["embedding", "blocks.0", "blocks.1", "blocks.2"]
    output = run.logits[0].log_softmax(-1)
    for each, (_, logits) in zip(found["rows"], lens_logits(run), strict=True):
        logprobs = logits[0].log_softmax(-1)
        best = logprobs.exp().topk(4)
        assert [[index for index, _ in place] for place in each["top"]] == best.indices.tolist()
        shares = torch.tensor([[share for _, share in place] for place in each["top"]])
        torch.testing.assert_close(shares, best.values, atol=1e-5, rtol=0)
        surprise = [-logprobs[t, row[t + 1]].item() / 0.6931472 for t in range(10)]
        assert each["surprise"] == pytest.approx(surprise, abs=1e-3)
        distance = torch.nn.functional.kl_div(logprobs, output, log_target=True, reduction="none").sum(-1) / 0.6931472
        assert each["distance"] == pytest.approx(distance.tolist(), abs=1e-3)
    assert found["rows"][-1]["distance"] == [0.0] * 11
    assert max(found["rows"][0]["distance"]) > 0.1
    for i, block in enumerate(found["patterns"]):
        assert [[len(shares) for shares in head] for head in block] == [list(range(1, 12))] * 4
        assert block[2][7] == pytest.approx(run[f"blocks.{i}.attention.pattern"][0, 2, 7, :8].tolist(), abs=6e-4)
    assert json.loads(json.dumps(found)) == found


def test_what_is_too_long_for_pictures_or_for_the_model(
    byte_tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = build(longest=11)
    assert view(model, byte_tokenizer, ids(1)[0].tolist())["patterns"] is not None
    monkeypatch.setattr(lens, "MOST_CELLS", BLOCKS * 4 * 66 - 1)
    found = view(model, byte_tokenizer, ids(1)[0].tolist())
    assert found["patterns"] is None
    assert "too long for pictures" in lens_page(found, "m", "", "base")
    for length in (0, 12):
        with pytest.raises(UsageError, match=f"{length} tokens"):
            view(model, byte_tokenizer, [1] * length)


def test_ids_that_no_text_has_are_shown_by_number(byte_tokenizer: Tokenizer) -> None:
    model = build(vocabulary=272)
    with torch.no_grad():
        model.lm_head.weight[270] = 100 * model.norm(model.embed_tokens.weight[65])
    found = view(model, byte_tokenizer, [65])
    assert found["rows"][0]["top"][0][0] == [270, 1.0]
    assert found["spelling"]["270"] == "<270>"


def shown(byte_tokenizer: Tokenizer, text: str, top: int = 3) -> dict:
    return view(build(), byte_tokenizer, [byte_tokenizer.end_of_text, *byte_tokenizer.encode(text)], top)


def test_the_table_has_every_position_once_in_panels_that_fit(byte_tokenizer: Tokenizer) -> None:
    found = shown(byte_tokenizer, HOSTILE)
    count = len(found["tokens"])
    for room in (40, 80, 10_000):
        lines = overview(found, room)
        assert max(map(width, lines)) <= room
        places = [int(place) for line in lines if line.startswith("position") for place in line.split()[1:]]
        assert places == list(range(count))
        assert not any(ord(letter) < 32 for line in lines for letter in line)
        last = [line.split(" = output")[1].split() for line in lines if " = output" in line]
        assert [token for line in last for token in line] == [
            found["spelling"][str(place[0][0])] for place in found["rows"][-1]["top"]
        ]
    assert sum(line.startswith("position") for line in overview(found, 40)) > 1
    assert sum(line.startswith("position") for line in overview(found, 10_000)) == 1
    narrow = overview(found, 1)  # a column is never cut away
    assert sum(line.startswith("position") for line in narrow) == count


def test_one_position_with_its_runners_up(byte_tokenizer: Tokenizer) -> None:
    found = shown(byte_tokenizer, "abc")
    lines = ranking(found, 2)
    assert lines[0] == "After b, position 2; the text goes on with c"
    assert len(lines) == 4 + BLOCKS + 1
    index, share = found["rows"][-1]["top"][2][1]
    assert f"{found['spelling'][str(index)]} {100 * share:.1f} %" in lines[-1]
    assert lines[-1].endswith("0.00")
    assert ranking(found, 3)[0] == "After c, position 3"


def test_long_and_wide_tokens_keep_the_columns() -> None:
    long, wide = "x" * 40, "你" * 20
    row = {"top": [[[0, 0.5]], [[1, 0.5]]], "distance": [0.0, 0.0]}
    found = {"tokens": [0, 1], "spelling": {"0": long, "1": wide}, "rows": [row | {"name": "blocks.0"}]}
    lines = overview(found, 100)
    assert lines[1].split()[1:] == ["x" * (WIDEST - 1) + "…", "你" * ((WIDEST - 1) // 2) + "…"]
    assert max(map(width, lines)) == width(lines[2])


def test_the_page_is_text_and_loads_nothing(byte_tokenizer: Tokenizer) -> None:
    found = shown(byte_tokenizer, HOSTILE)
    page = lens_page(found, "<b>model</b>", HOSTILE, "sft", position=3)
    assert "<script" not in page
    assert "&lt;script&gt;alert" in page
    assert "<b>" not in page
    assert "http" not in page.replace("http-equiv", "")
    assert page.count("<tr>") >= len(found["tokens"])
    assert page.count('class="map"') == BLOCKS * 4
    assert page.count("<details open><summary>3 ·") == 1
    assert "var(--sft)" in page
    alone = lens_page(shown(byte_tokenizer, ""), "model", "", "base")
    assert "How the prediction forms" not in alone
    assert "too short to tell" in alone


@pytest.fixture
def folder(tmp_path: Path, byte_tokenizer: Tokenizer) -> Path:
    with sealing(tmp_path / "base-1", Label("model", "pretrain", 1, 0)) as out:
        save_model(out, build(), dict(byte_tokenizer.special))
        byte_tokenizer.save(out)
    return tmp_path / "base-1"


def test_the_command(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "lens.html"
    assert answer(["lens", str(folder), "abc", "--device", "cpu"]) == 0
    assert "blocks.2 = output" in capsys.readouterr().out
    assert answer(["lens", str(folder), "abc", "--position", "-1", "--top", "2", "--out", str(page)]) == 0
    out = capsys.readouterr().out
    assert out.startswith("After c, position 3")
    assert str(page) in out
    assert "open><summary>3 ·" in page.read_text(encoding="utf-8")
    assert answer(["lens", str(folder), "abc", "--json", "--top", "1"]) == 0
    value = json.loads(capsys.readouterr().out)
    assert (value["model"], value["text"], len(value["rows"])) == ("base-1", "abc", BLOCKS + 1)
    assert [len(place) for place in value["rows"][0]["top"]] == [1, 1, 1, 1]
    assert answer(["lens", str(folder), "abc", "--position", "4"]) == 2
    assert "positions 0 to 3" in capsys.readouterr().err
    assert answer(["lens", str(folder), "abc", "--top", "0"]) == 2
    assert answer(["lens", str(tmp_path), "abc"]) == 3
