"""DPO: a policy learns from comparisons directly, without a reward model. Comparisons in, a chat model out."""
