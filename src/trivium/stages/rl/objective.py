"""What a step of practice makes smaller: the policy gradient, with ratios and a distance where these are asked for.

Any objective of the tokens' log-probabilities has, as its gradient, a weighted sum of theirs. So the weights are found
first, on a small vector, and then the one chunked loss of all stages does the work: logits are never held whole.

In the first update from a round of rollouts the ratio is 1 (the sampler has the very weights that are trained), and
where no second update and no distance is wanted, nothing of all this is computed: the weights are the advantages.
"""

from __future__ import annotations

import torch
from torch import Tensor

from trivium.model.loss import token_logprobs, weighted_loss
from trivium.model.transformer import Transformer
from trivium.stages.rl.config import ObjectiveConfig
from trivium.train.batch import Batch

SUMS = ("tokens", "gap", "low", "high", "kl")


class Objective:
    """A loop's objective. It remembers figures of the step, which `figures` gives and forgets.

    A batch's `weights_BT` are advantages times shares; `more` has `own` (1 where the model wrote the token itself),
    `sampled` (the sampler's log-probability) and `share` (what a token weighs in the mean).
    """

    def __init__(
        self, config: ObjectiveConfig, temperature: float, stale: bool, first: Transformer | None = None
    ) -> None:
        """`stale`: several updates come from a round. `first` is the model to stay near, if `config.kl` is not 0."""
        self.config, self.temperature, self.stale, self.first = config, temperature, stale, first
        self._sums: Tensor | None = None
        self._widest: Tensor | None = None

    def __call__(self, model: Transformer, batch: Batch) -> Tensor:
        """The loss of a microbatch, a scalar."""
        hidden_ND = self._hidden(model, batch)
        head_VD, targets_N, weights_N = model.lm_head.weight, batch.targets_BT.reshape(-1), batch.weights_BT.reshape(-1)
        if not (self.stale or self.config.kl):
            told_N = torch.empty(len(targets_N), dtype=torch.float32, device=hidden_ND.device)
            loss = weighted_loss(hidden_ND, head_VD, targets_N, weights_N, told_N)
            self._note(batch, -told_N)
            return loss
        logp_N = token_logprobs(hidden_ND.detach(), head_VD.detach(), targets_N)
        first_N = None
        if self.first is not None:
            with torch.no_grad():
                first_N = token_logprobs(self._hidden(self.first, batch), self.first.lm_head.weight, targets_N)
        total, slopes_N = self.of(batch, logp_N, first_N)
        loss = weighted_loss(hidden_ND, head_VD, targets_N, -slopes_N)
        return loss + (total - loss).detach()  # the gradient of one, the value of the other

    def of(self, batch: Batch, logp_N: Tensor, first_N: Tensor | None) -> tuple[Tensor, Tensor]:
        """The objective's value and its slope by each target's log-probability, from these and the first model's."""
        config = self.config
        own_N, sampled_N, share_N = (batch.more[name].reshape(-1) for name in ("own", "sampled", "share"))
        weights_N = batch.weights_BT.reshape(-1)
        logp_N = logp_N.detach().requires_grad_()
        change_N = torch.where(own_N > 0, logp_N - sampled_N, 0.0)
        distance_N = torch.zeros_like(logp_N)
        if first_N is not None:
            distance_N = torch.where(own_N > 0, first_N - logp_N, 0.0)
            if config.kl_in_reward:
                weights_N = weights_N + config.kl * share_N * distance_N.detach()
        ratio_N = change_N.exp()
        low, high = 1 - config.clip_low, 1 + config.clip_high
        if config.kind == "truncated":
            loss_N = -ratio_N.detach().clamp(max=high) * weights_N * logp_N * own_N
        else:
            loss_N = -torch.minimum(ratio_N * weights_N, ratio_N.clamp(low, high) * weights_N)
        if first_N is not None and not config.kl_in_reward:
            loss_N = loss_N + config.kl * share_N * distance_estimate(distance_N, config.kl_form)
        total = loss_N.sum()
        (slopes_N,) = torch.autograd.grad(total, logp_N)
        with torch.no_grad():
            below = (ratio_N < low) & (weights_N < 0)
            above = (ratio_N > high) & (weights_N > 0)
            self._note(batch, logp_N, below, above, distance_estimate(distance_N, config.kl_form))
        return total.detach(), slopes_N

    def figures(self) -> dict[str, float]:
        """What was noted since the last call: this rank's rows alone, where there are several."""
        if self._sums is None or self._widest is None:
            return {}
        tokens, gap, low, high, kl = self._sums.tolist()
        widest = self._widest.item()
        self._sums = self._widest = None
        count = max(tokens, 1.0)
        found = {"logprob_gap": gap / count, "logprob_gap_max": widest}
        if self.stale:
            found |= {"clip_ratio/low_mean": low / count, "clip_ratio/high_mean": high / count}
            found["clip_ratio/region_mean"] = (low + high) / count
        if self.config.kl:
            found["kl"] = kl / count
        return found

    def _hidden(self, model: Transformer, batch: Batch) -> Tensor:
        """Hidden states at the temperature of the samples, `(N, D)`."""
        hidden_BTD = model(batch.ids_BT, documents_BT=batch.documents_BT, spans=batch.spans)
        hidden_ND = hidden_BTD.reshape(-1, hidden_BTD.shape[-1])
        return hidden_ND if self.temperature == 1 else hidden_ND / self.temperature

    @torch.no_grad()
    def _note(
        self,
        batch: Batch,
        logp_N: Tensor,
        below_N: Tensor | None = None,
        above_N: Tensor | None = None,
        distance_N: Tensor | None = None,
    ) -> None:
        own_N = batch.more["own"].reshape(-1)
        gap_N = (logp_N.detach() - batch.more["sampled"].reshape(-1)).abs() * own_N
        none = own_N.new_zeros(())
        sums = [own_N.sum(), gap_N.sum()]
        sums += [none if x is None else (x * own_N).sum() for x in (below_N, above_N, distance_N)]
        found = torch.stack(sums).double()
        self._sums = found if self._sums is None else self._sums + found
        widest = gap_N.max()
        self._widest = widest if self._widest is None else torch.maximum(self._widest, widest)


def distance_estimate(log_ratio_N: Tensor, form: str) -> Tensor:
    """An estimate of KL(p || q) for each token drawn from p, from log q - log p (Schulman's k1, k2, k3)."""
    if form == "k1":
        return -log_ratio_N
    if form == "k2":
        return log_ratio_N.square() / 2
    return log_ratio_N.exp() - 1 - log_ratio_N
