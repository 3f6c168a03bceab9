#!/usr/bin/env bash
# GSM8K on open weights: SFT on the worked solutions, then practice, beside a majority vote at equal tokens.
#
#     scripts/gsm8k.sh MODEL gsm8k.jsonl OUT [ARGUMENTS OF trivium rl…]
#
# gsm8k.jsonl: {"question", "answer", "split": "train" or "test"}; the test split is held out. Figures: OUT/practice.
# PYTHON=python3      with trivium importable
# MICROBATCH=65536    tokens in a forward pass (0: what fits; name a number where others use the GPU)
set -eu
model=${1:?scripts/gsm8k.sh MODEL gsm8k.jsonl OUT} problems=${2:?a file of problems} out=${3:?a folder}
shift 3
python=${PYTHON:-python3} micro=${MICROBATCH:-65536}
mkdir -p "$out"
# A solution as people write it: without the calculator's marks <<…>>.
"$python" - "$problems" > "$out/solutions.jsonl" <<'PY'
import json
import re
import sys

for row in map(json.loads, open(sys.argv[1], encoding="utf-8")):
    if row["split"] == "train":
        told = re.sub("<<.*?>>", "", row["answer"])
        turns = [{"role": "user", "content": row["question"]}, {"role": "assistant", "content": told}]
        print(json.dumps({"messages": turns}))
PY
"$python" -m trivium sft "$model" --data "$out/solutions.jsonl" --out "$out/taught" --set sft.epochs=2 --microbatch "$micro"
"$python" -m trivium rl "$out/taught" --task "gsm8k=$problems" --control vote --out "$out/practice" --microbatch "$micro" \
  --set rl.think=none --set rl.steps=40 --set rl.problems=64 --set rl.samples=16 --set rl.max_new=256 --set rl.heldout=1000 \
  --set rl.quick=250 --set rl.chances=8 --set rl.pool.share=0.5 --set rl.optimizer.muon_lr=0.0006 "$@"
