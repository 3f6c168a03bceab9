"""TRL's trainers in a child process: the same ids, rows and weights as ours, its own trainer, optimizer and sampler.

Cases: `sft` and `reward` train step after step, and wait between turns inside the trainer's own loop; `rl` makes a
GRPOTrainer and samples through `_generate_single_turn`, which is where its loop has ids become completions: rewards,
decoding and the update are outside of it.
"""

from __future__ import annotations

import gc
import json
import time
from pathlib import Path
from typing import Any

from trivium.bench.practice.lines import Line, serve

CACHE = 0.05
"""Share of the free memory that continuous batching may take for its keys and values: our side needs some, too."""
ENDLESS = 1_000_000
"""Steps of a run that ends when the bench says so."""


def main() -> None:
    """Run cases until the bench hangs up."""
    trainers = [f"trl.trainer.{name}_trainer" for name in ("sft", "reward", "grpo")]
    serve(work, ("trl", "datasets", "accelerate", "transformers"), trainers)


def work(asked: dict[str, Any], line: Line) -> None:
    """One case."""
    import torch

    torch.set_num_threads(asked["threads"])
    gc.collect()  # the last case's trainer, also where it failed
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    {"sft": sft, "reward": reward, "rl": rl}[asked["kind"]](asked, line)


def sft(asked: dict[str, Any], line: Line) -> None:
    """SFTTrainer with packing. A mode is `<packing>+<attention>`, with `+liger`, `+compile`, `+rows<n>` after it."""
    from trl import SFTConfig, SFTTrainer  # type: ignore[import-not-found]

    packing, attention, *more = asked["mode"].split("+")
    config = SFTConfig(
        packing=True,
        packing_strategy=packing,
        max_length=asked["row_tokens"],
        **_common(asked, attention, more, "rows"),
    )
    trainer = SFTTrainer(
        model=asked["folder"], args=config, train_dataset=_data(asked), processing_class=_tokenizer(asked["folder"])
    )
    _train(trainer, asked, line)


def reward(asked: dict[str, Any], line: Line) -> None:
    """RewardTrainer. A mode is `<attention>`, with `+liger`, `+compile`, `+rows<n>` (pairs at once) after it."""
    from trl import RewardConfig, RewardTrainer

    attention, *more = asked["mode"].split("+")
    config = RewardConfig(max_length=None, **_common(asked, attention, more, "pairs"))
    trainer = RewardTrainer(
        model=asked["folder"], args=config, train_dataset=_data(asked), processing_class=_tokenizer(asked["folder"])
    )
    _train(trainer, asked, line)


def rl(asked: dict[str, Any], line: Line) -> None:
    """GRPOTrainer's sampling, by transformers' `generate`, or by its continuous batching."""
    import torch
    from datasets import Dataset  # type: ignore[import-not-found]
    from trl import GRPOConfig, GRPOTrainer

    continuous = asked["mode"] == "continuous"
    config = GRPOConfig(
        output_dir=asked["work"], report_to="none", use_cpu=asked["device"] == "cpu", bf16=False,
        gradient_checkpointing=False, per_device_train_batch_size=asked["batch"], num_generations=asked["group"],
        max_completion_length=asked["new"], temperature=1.0, use_transformers_continuous_batching=continuous,
        generation_kwargs={"eos_token_id": None}, model_init_kwargs={"dtype": asked["dtype"]},
        cache_implementation="static" if asked["mode"] == "static" else None,
        transformers_continuous_batching_config={"max_memory_percent": CACHE} if continuous else None,
    )  # fmt: skip
    trainer = GRPOTrainer(
        model=asked["folder"], reward_funcs=lambda completions, **_: [0.0] * len(completions), args=config,
        train_dataset=Dataset.from_list([{"prompt": "a"}]), processing_class=_tokenizer(asked["folder"]),
    )  # fmt: skip
    trainer.eos_token_ids = [-1]  # no id ends an answer
    prompts = [ids for ids in asked["prompts"] for _ in range(asked["group"])]

    def sample() -> float:
        _settled()
        begun = time.perf_counter()
        found, _ = trainer._generate_single_turn(prompts, None, {}, asked["group"])
        _settled()
        seconds = time.perf_counter() - begun
        lengths = {len(ids) for ids in found}
        if lengths != {asked["new"]} or len(found) != len(prompts):
            raise RuntimeError(f"{len(found)} answers of {sorted(lengths)} tokens")
        return seconds

    for _ in range(asked["warmup"]):
        sample()
    model = trainer.model
    line.tell(**_versions(), parameters=sum(p.numel() for p in model.parameters()), settings={
        "trainer": "GRPOTrainer", "sampler": asked["mode"], "weights": str(next(model.parameters()).dtype),
        "attention": model.config._attn_implementation, "device": str(next(model.parameters()).device),
    })  # fmt: skip
    with torch.no_grad():
        while line.go():
            line.tell(seconds=sample(), rollouts=len(prompts))


def _common(asked: dict[str, Any], attention: str, more: list[str], unit: str) -> dict[str, Any]:
    """Arguments of both trainers: bf16 over fp32 weights as ours, nothing saved, told or recomputed."""
    at_once = next((int(part.removeprefix("rows")) for part in more if part.startswith("rows")), asked[unit])
    return {
        "output_dir": asked["work"], "report_to": "none", "save_strategy": "no", "logging_strategy": "no",
        "disable_tqdm": True, "max_steps": ENDLESS, "lr_scheduler_type": "constant", "seed": 0,
        "per_device_train_batch_size": at_once, "gradient_accumulation_steps": asked[unit] // at_once,
        "gradient_checkpointing": False, "bf16": asked["dtype"] == "bfloat16", "use_cpu": asked["device"] == "cpu",
        "use_liger_kernel": "liger" in more, "torch_compile": "compile" in more,
        "model_init_kwargs": {"attn_implementation": attention, "dtype": "float32"},
    }  # fmt: skip


def _data(asked: dict[str, Any]) -> Any:
    from datasets import Dataset

    return Dataset.from_list(json.loads(Path(asked["data"]).read_text(encoding="utf-8")))


def _tokenizer(folder: str) -> Any:
    from transformers import AutoTokenizer

    tokenizer: Any = AutoTokenizer.from_pretrained(folder)
    tokenizer.eos_token = tokenizer.eos_token or "<|endoftext|>"
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    return tokenizer


def _train(trainer: Any, asked: dict[str, Any], line: Line) -> None:
    """Train; after the warm-up wait for the bench before each turn. Tokens are those that are no padding."""
    from transformers import TrainerCallback

    counted: list[Any] = []
    losses: list[Any] = []
    plain = trainer.training_step

    def step(model: Any, inputs: Any, *rest: Any, **named: Any) -> Any:
        seen = inputs.get("attention_mask")
        counted.append(inputs["input_ids"].numel() if seen is None else seen.sum())
        losses.append(plain(model, inputs, *rest, **named))
        return losses[-1]

    trainer.training_step = step

    class Turns(TrainerCallback):
        begun = 0.0

        def on_step_end(self, args: Any, state: Any, control: Any, **named: Any) -> None:
            done = state.global_step - asked["warmup"]
            if done < 0 or done % asked["steps"]:
                return
            _settled()
            if done:
                seconds = time.perf_counter() - self.begun
                line.tell(seconds=seconds, tokens=sum(int(number) for number in counted))
            else:
                first = float(sum(losses[: trainer.args.gradient_accumulation_steps]))
                line.tell(**_versions(), settings={**_told(trainer), "first_loss": round(first, 4)})
            counted.clear()
            losses.clear()
            control.should_training_stop = not line.go()
            self.begun = time.perf_counter()

    trainer.add_callback(Turns())
    trainer.train()


def _told(trainer: Any) -> dict[str, Any]:
    args = trainer.args
    return {
        "trainer": type(trainer).__name__, "attention": trainer.model.config._attn_implementation,
        "weights": str(next(trainer.model.parameters()).dtype), "bf16": args.bf16, "optimizer": str(args.optim.value),
        "at_once": args.per_device_train_batch_size, "accumulation": args.gradient_accumulation_steps,
        "liger": args.use_liger_kernel, "compile": args.torch_compile, "checkpointing": args.gradient_checkpointing,
        "padding_free": getattr(trainer, "padding_free", False), "device": str(args.device),
    }  # fmt: skip


def _versions() -> dict[str, str]:
    import accelerate  # type: ignore[import-not-found]
    import torch
    import transformers
    import trl

    found = {"trl": trl, "transformers": transformers, "accelerate": accelerate, "torch": torch}
    return {name: module.__version__ for name, module in found.items()}


def _settled() -> None:
    import torch

    if torch.cuda.is_available():
        torch.cuda.synchronize()


if __name__ == "__main__":
    main()
