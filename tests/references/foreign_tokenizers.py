"""Small tokenizers in the manner of known families, made by the library `tokenizers`, with templates of our own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import tokenizers
from tokenizers import decoders, models, normalizers, pre_tokenizers, processors, trainers

from trivium.text.patterns import PATTERNS
from trivium.text.tokenizer import CHECK_TEXTS

CHATML = (
    "{% for message in messages %}{% if loop.first and message.role != 'system' %}"
    "{{ '<|im_start|>system\\nBe kind.<|im_end|>\\n' }}{% endif %}"
    "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
HEADERS = (
    "{{ bos_token }}{% for message in messages %}"
    "{{ '<|start_header_id|>' ~ message.role ~ '<|end_header_id|>\\n\\n' ~ message.content | trim ~ '<|eot_id|>' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{% endif %}"
)
THINKING = (
    "{% for message in messages %}{% if message.role not in ['system', 'user', 'assistant'] %}"
    "{{ raise_exception('no such role: ' ~ message.role) }}{% endif %}"
    "{{ '<|im_start|>' ~ message.role ~ '\\n' ~ message.content ~ '<|im_end|>\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}"
    "{% if enable_thinking is defined and enable_thinking is false %}{{ '<think>\\n\\n</think>\\n\\n' }}{% endif %}"
    "{% endif %}"
)
LLAMA = ["<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"]
FAMILIES: dict[str, dict[str, Any]] = {
    "smollm": {"first": ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<repo>"], "template": CHATML,
               "config": {"bos_token": "<|im_start|>", "eos_token": "<|im_end|>"}},
    "llama3": {"last": LLAMA, "template": HEADERS,
               "config": {"bos_token": "<|begin_of_text|>", "eos_token": "<|eot_id|>"}},
    "qwen": {"last": ["<|endoftext|>", "<|im_start|>", "<|im_end|>"], "plain": ["<think>", "</think>", "        "],
             "template": THINKING, "config": {"eos_token": "<|im_end|>", "add_bos_token": False}},
    "plain": {"last": ["<|endoftext|>"], "template": None, "config": {"eos_token": "<|endoftext|>"}},
}  # fmt: skip


def build(family: str, folder: Path, vocabulary: int = 600) -> tokenizers.Tokenizer:
    """Write the family's `tokenizer.json` and `tokenizer_config.json` into `folder`; the library's own tokenizer."""
    about = FAMILIES[family]
    made = tokenizers.Tokenizer(models.BPE(ignore_merges=family == "llama3"))
    pattern = {"qwen": "qwen2", "llama3": "llama3"}.get(family)
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(tokenizers.Regex(PATTERNS[pattern]), "isolated"),
         pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
        if pattern
        else [*([pre_tokenizers.Digits(individual_digits=True)] if family == "smollm" else []),
              pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)]
    )  # fmt: skip
    if family == "qwen":
        made.normalizer = normalizers.NFC()
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        show_progress=False,
        special_tokens=about.get("first", []),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    made.train_from_iterator(
        [Path(__file__).read_text(encoding="utf-8"), *CHECK_TEXTS, "the town school " * 9], trainer
    )
    made.add_special_tokens(about.get("last", []))
    made.add_tokens([tokenizers.AddedToken(text, normalized=False) for text in about.get("plain", [])])
    if family == "llama3":
        bos = made.token_to_id("<|begin_of_text|>")
        opening = processors.TemplateProcessing(
            single="<|begin_of_text|> $A", special_tokens=[("<|begin_of_text|>", bos)]
        )
        made.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=False), opening])
    folder.mkdir(parents=True, exist_ok=True)
    made.save(str(folder / "tokenizer.json"))
    config = {"tokenizer_class": "PreTrainedTokenizerFast", **about["config"]}
    if about["template"] is not None:
        config["chat_template"] = about["template"]
    (folder / "tokenizer_config.json").write_text(json.dumps(config), encoding="utf-8")
    return made
