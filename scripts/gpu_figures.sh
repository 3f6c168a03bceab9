#!/usr/bin/env bash
# The figures of docs/ that need a GPU, in one go, from the repository's root:
#
#     scripts/gpu_figures.sh OUT [PART…]
#
# Parts: tests generate train train8 loss8 race teach rollouts audit gsm town ladder
# judge (all of them, where none is named).
# NANOCHAT=FOLDER     a copy of nanochat (generate, train, train8, race, rollouts); without it these parts are left out
# TEXT="FILE…"        documents for train, train8, loss8 and race
# GSM8K=FILE          its problems, for gsm
# SMOLLM2=FOLDER      imported weights, for gsm
# TRL=1               TRL is installed: set SFT, reward models and rollouts beside it
# PYTHON=python3      with trivium importable
# DRY=1               print the commands and run none
#
# What is timed runs alone and first; gsm, town, ladder and judge learn side by side and come last. Each part has a
# limit of its own in seconds, a log in OUT, and its figures in OUT/PART; one that fails stops no other. Sections of docs/ are
# written where the benches write them. The same command goes on with what a part left.
set -u
out=$(mkdir -p "${1:?scripts/gpu_figures.sh OUT [PART…]}" && cd "$1" && pwd)
shift
parts=${*:-tests generate train train8 loss8 race teach rollouts audit gsm town ladder judge}
python=${PYTHON:-python3}
peers=()
[ -n "${TRL:-}" ] || peers=(--no-peers)
read -r -a text <<< "${TEXT:-}"

part() { # NAME SECONDS COMMAND…
  local name=$1 limit=$2 begun=$SECONDS
  shift 2
  case " $parts " in *" ${name%%-*} "*) ;; *) return ;; esac
  if [ -n "${DRY:-}" ]; then
    echo "$name: $*"
    return
  fi
  timeout -k 15 "$limit" "$@" > "$out/$name.log" 2>&1
  echo "$name: code $?, $((SECONDS - begun)) s" | tee -a "$out/times.txt"
}
bench() { # NAME SECONDS BENCH ARGUMENTS…
  local name=$1 limit=$2 which=$3
  shift 3
  part "$name" "$limit" "$python" -m trivium bench "$which" "$@" --out "$out/$name"
}

part tests 300 "$python" -m pytest -q -W default tests/unit/model tests/unit/generate
if [ -n "${NANOCHAT:-}" ]; then
  bench generate 300 generate --peer "$NANOCHAT"
  bench train 500 train --peer "$NANOCHAT" --text "${text[@]}"
  bench train8 900 train --peer "$NANOCHAT" --text "${text[@]}" --fp8
  # .377 tokens a parameter: about as many seconds as 300 of nanochat's steps
  bench race 600 race --peer "$NANOCHAT" --text "${text[@]}" --size peer_steps=300 --config ratio=0.377
fi
[ ${#text[@]} = 0 ] || bench loss8 300 fp8 --text "${text[@]}"
bench teach-sft 300 sft "${peers[@]}"
bench teach-reward 120 reward "${peers[@]}"
rollouts=(--sizes 10m 135m --new 32 128 --group 16)
[ -z "${TRL:-}" ] || rollouts+=(--trl generate continuous)
[ -z "${NANOCHAT:-}" ] || rollouts+=(--nanochat "$NANOCHAT")
bench rollouts 480 rl "${rollouts[@]}"
bench audit 420 audit
town=("$python" -m trivium bench audit-town --out "$out/town")
towns=()
for seed in 0 1 2; do
  part "town-$seed" 900 "${town[@]}" --seeds "$seed" --no-write & towns+=($!)
done
bench ladder 900 ladder --seconds 600 --docs docs/rl.md &
bench judge 900 overoptimise --jobs 10 --threads 1 --docs docs/reward.md &
if [ -n "${GSM8K:-}" ] && [ -n "${SMOLLM2:-}" ]; then
  MICROBATCH=32768 PYTHON=$python part gsm 900 "$(dirname "$0")/gsm8k.sh" "$SMOLLM2" "$GSM8K" "$out/gsm" &
fi
wait "${towns[@]}"
part town-all 120 "${town[@]}" --seeds 0 1 2
wait
