"""Our scorer as a model of lm-eval (`pip install 'trivium[lm-eval]'`), for the tasks that it has and we have not.

`python -m trivium.evals.lm_eval_adapter --model trivium --model_args pretrained=FOLDER --tasks …` is lm-eval's own
command line with this model known to it; in a program, `register()` and then lm-eval as usual.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from trivium.evals.benchmarks.scoring import Scorer
from trivium.generate.engine import Engine, Request
from trivium.ground.errors import UsageError
from trivium.ground.how import How
from trivium.model.device import settle
from trivium.model.folder import load_model
from trivium.text.tokenizer import Tokenizer


class Judge:
    """The three questions that lm-eval puts to a model, answered; knows nothing of lm-eval."""

    def __init__(
        self,
        pretrained: str,
        device: str = "auto",
        dtype: str = "float32",
        max_length: int | str | None = None,
        max_gen_toks: int | str = 256,
    ) -> None:
        """`pretrained`: a model's folder. Numbers may come as text, as from a command line."""
        place, folder = settle(How(device=device or "auto", progress=False)), Path(pretrained)
        if dtype == "float32" and place.type == "cuda":
            torch.backends.cuda.matmul.allow_tf32 = False
        model = load_model(folder, place, torch.bfloat16 if dtype == "bfloat16" else torch.float32)
        self.tokenizer = Tokenizer.open(folder)
        self.scorer = Scorer(model, self.tokenizer, longest=int(max_length) if max_length else None)
        self.max_gen_toks = int(max_gen_toks)

    def loglikelihood(self, pairs: list[tuple[str, str]]) -> list[tuple[float, bool]]:
        """(nats, greedy) of each (context, continuation)."""
        return [(found.nats, found.greedy) for found in self.scorer.score(pairs)]

    def rolling(self, texts: list[str]) -> list[float]:
        """Nats of whole texts, in windows that do not overlap: each token counted once, one before it as context."""
        longest, pairs, owners = self.scorer.longest, [], []
        for owner, text in enumerate(texts):
            ids = (self.tokenizer.end_of_text, *self.tokenizer.encode(text))
            for start in range(1, len(ids), longest):
                stop = min(start + longest, len(ids))
                before = ids[max(0, stop - longest - 1) : start] if start > 1 else ids[:1]
                pairs.append((before, ids[start:stop]))
                owners.append(owner)
        totals = [0.0] * len(texts)
        for owner, found in zip(owners, self.scorer.score_ids(pairs), strict=True):
            totals[owner] += found.nats
        return totals

    def generate(self, context: str, until: list[str], most: int, temperature: float = 0.0) -> str:
        """What follows a context, up to the first of the signs in `until` or the end of the text."""
        ids = self.tokenizer.encode(context) or [self.tokenizer.end_of_text]
        room = max(1, self.scorer.longest - most)
        request = Request(ids[-room:], most, temperature, stop=(self.tokenizer.end_of_text,))
        said = Engine(self.scorer.model).run([request])[0].ids
        text = self.tokenizer.decode(index for index in said if index != self.tokenizer.end_of_text)
        return text[: min((place for sign in until if sign and (place := text.find(sign)) >= 0), default=len(text))]


def register() -> type:
    """The class that lm-eval then knows as `trivium`. Raises UsageError where lm-eval is not installed."""
    try:
        from lm_eval.api.model import LM
        from lm_eval.api.registry import register_model
    except ImportError as error:
        raise UsageError("lm-eval is not installed.", "pip install 'trivium[lm-eval]'") from error

    class TriviumLM(LM):
        def __init__(self, pretrained: str, batch_size: Any = None, max_batch_size: Any = None, **others: Any) -> None:
            super().__init__()
            self.judge = Judge(pretrained, **others)

        def loglikelihood(self, requests: list[Any], disable_tqdm: bool = False) -> list[tuple[float, bool]]:
            return self.judge.loglikelihood([request.args for request in requests])

        def loglikelihood_rolling(self, requests: list[Any], disable_tqdm: bool = False) -> list[float]:
            return self.judge.rolling([request.args[0] for request in requests])

        def generate_until(self, requests: list[Any], disable_tqdm: bool = False) -> list[str]:
            return [self._generate(*request.args) for request in requests]

        def _generate(self, context: str, options: dict[str, Any]) -> str:
            until = options.get("until") or []
            heat = float(options.get("temperature") or 0.0) if options.get("do_sample") else 0.0
            most = int(options.get("max_gen_toks") or self.judge.max_gen_toks)
            return self.judge.generate(context, [until] if isinstance(until, str) else list(until), most, heat)

    return register_model("trivium")(TriviumLM)


def main() -> None:
    """lm-eval's command line, with `--model trivium`."""
    register()
    from lm_eval.__main__ import cli_evaluate

    cli_evaluate()


if __name__ == "__main__":
    main()
