#!/bin/bash
# Trains from the archives of benchmarks/pack.py for some minutes, on a machine that is lent for no longer.
#
#     benchmarks/gpu_run.sh FOLDER                           unpack the archives that lie in FOLDER so far
#     benchmarks/gpu_run.sh FOLDER MINUTES RESULTS [OPTION...]  unpack, train, and write the results
#
# The first three quarters run at a constant learning rate. They show how many steps the last quarter holds, in which
# the rate falls to zero. Both end in time, whatever the machine can do. RESULTS gets the log, the recipe and the state
# of the run in pieces of at most 15 MB: cat state-* > run/last.safetensors, and `vpuformer train --resume` goes on.
# OPTIONs go to `vpuformer train`. Only the Python packages of the extra `train` are needed, not vpuformer itself.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=$1 minutes=${2:-0} results=${3:-}
shift $(( $# < 3 ? $# : 3 ))
export PYTHONPATH="$PWD/src${PYTHONPATH:+:$PYTHONPATH}" PYTHONUNBUFFERED=1
for archive in "$folder"/*.tar.xz; do
    [ -e "$archive" ] && tar -xJf "$archive" -C "$folder" && rm "$archive"
done
[ "$minutes" = 0 ] && exit

begun=$(date +%s)
python=${PYTHON:-python3} run=$folder/run
seconds() { "$python" -c "print(int($1))"; }

# SIGINT ends a run after the step that it is at, and saves it. timeout then says 124.
timeout --signal=INT "$(seconds "60 * $minutes * 0.75")" "$python" -m vpuformer train "$folder/recipe.json" \
    --output "$run" --data "$folder/data" --split "$folder/split.json" --init "$folder/init" --steps 1000000 \
    --cooldown 0 --validate-every 0 --set save_minutes=60 --workers "$(nproc)" --devices 1 "$@" \
    || [ $? = 124 ]

# Steps and seconds so far, without those of the start, give the steps that are left.
read -r steps cooldown < <("$python" - "$run/log.csv" "$(seconds "60 * $minutes - $(date +%s) + $begun")" <<'EOF'
import csv, json, pathlib, statistics, sys
rows = [row for row in csv.DictReader(open(sys.argv[1])) if row["images/s"]]
done = int(rows[-1]["step"])
recipe = json.loads((pathlib.Path(sys.argv[1]).parent / "recipe.json").read_text())
rate = statistics.median(float(row["images/s"]) for row in rows[len(rows) // 4 :]) / recipe["images_per_step"]
left = max(1, int(0.7 * rate * max(int(sys.argv[2]) - 20, 1)))
print(done + left, left / (done + left))
EOF
)
echo "cooling down until step $steps"
"$python" -m vpuformer train --output "$run" --resume --steps "$steps" --cooldown "$cooldown"
mkdir -p "$results"
cp "$run/log.csv" "$run/recipe.json" "$results"
split --bytes=15M "$run/last.safetensors" "$results/state-"
