#!/bin/bash
# The benchmark: rounds of every peer in turn, one key=value line a sample.
#
#   run.sh SUITE OUT.tsv [peers...]
#
# SUITE   cap1     closed loop, 32 connections, gateway alone on CPU 0 (mock and load on CPU 1)
#         ledger, cache   the same as cap1, for peers that differ in that
#         cap2     closed loop, 64 connections, gateway with 2 workers, everything on both CPUs
#         rate     open loop at each of $RATES, gateway on CPU 0
#         slow     open loop 1000/s against an upstream that takes 500 ms: 500 requests in flight
#         stream   $STREAMS concurrent SSE streams of 50 tokens 20 ms apart, gateway on CPU 0
#         many     1000 SSE streams, a token every 100 ms: the connections without the CPU load
#         memory   RSS: idle, then after the stream load
# Knobs (environment):
#   ROUNDS SECS RATES STREAMS WORK   what it says; WARM: seconds of warm-up for cap1 and cap2
#   NOISE      a sample counts when everything else on the machine used at most this much of one
#              core, in percent, while it was taken (noise_pct). Rounds go on until every peer has
#              ROUNDS samples that count, or PASSES rounds are over; `bench` leaves out the others
#   PRIO       a command prefix for every process, e.g. "chrt -f 1": keeps others off the CPU
#              while latency is measured on a busy machine. Only for light loads (rate, slow,
#              few streams)
#   AWAKE=1    keep both CPUs spinning at SCHED_IDLE meanwhile: a halted virtual CPU can take
#              milliseconds to come back on a busy host, and that is not the gateway's time
#   QUIET_MAX  seconds to wait for such a moment before each sample; STRICT=1 skips the sample
#              when none comes
set -u
here=$(cd "$(dirname "$0")" && pwd)
WORK=${WORK:-/tmp/penstock-bench}; BIN=${BIN:-$here}; ROUNDS=${ROUNDS:-5}; SECS=${SECS:-4}; WARM=${WARM:-3}
RATES=${RATES:-"500 1000 2000"}; STREAMS=${STREAMS:-"100 1000"}
PRIO=${PRIO:-}; NOISE=${NOISE:-15}; QUIET_MAX=${QUIET_MAX:-20}; PASSES=${PASSES:-$((ROUNDS * 4))}
suite=$1; out=$2; shift 2
. "$here/peers.sh"
peers=("$@"); [ ${#peers[@]} = 0 ] && read -ra peers <<< "$PEERS_ALL"
mkdir -p "$WORK"; ulimit -n 20000
MOCK=0 PEER_PID=0 SPIN=()
cleanup() { # whatever happened before: stop all that this script started
  trap - EXIT INT TERM
  peer_stop
  for p in $MOCK "${SPIN[@]}"; do [ "$p" = 0 ] || { kill "$p" 2>/dev/null; wait "$p" 2>/dev/null; }; done
  exit "${1:-0}"
}
trap 'cleanup $?' EXIT
trap 'cleanup 130' INT TERM
if [ -n "${AWAKE:-}" ]; then
  # their own autogroup at nice 19, or each session would get a full share of the CPU for them
  for c in 0 1; do
    setsid taskset -c $c sh -c 'echo 19 > /proc/self/autogroup; exec nice -n 19 chrt -i 0 timeout -s KILL 3600 \
      sh -c "trap \"exit\" TERM; while kill -0 $1 2>/dev/null; do i=0; while [ \$i -lt 200000 ]; do i=\$((i+1)); done; done"' - $$ &
    SPIN+=($!)
  done
fi

mock_start() { # CPUS ARGS...
  [ $MOCK != 0 ] && { kill $MOCK; wait $MOCK 2>/dev/null; }
  $PRIO taskset -c "$1" "$BIN/mockllm" -p 9100 "${@:2}" & MOCK=$!; sleep 0.2
  kill -0 $MOCK 2>/dev/null || { echo "the mock did not start (is port 9100 taken?)" >&2; MOCK=0; exit 1; }
}
quiet() {
  local end=$((SECONDS + QUIET_MAX)) b t; local -a A B
  while [ $SECONDS -lt $end ]; do
    read -ra A < /proc/stat; sleep 0.4; read -ra B < /proc/stat
    b=$((B[1]+B[3]+B[6]+B[7]+B[8]-A[1]-A[3]-A[6]-A[7]-A[8])); t=$((b+B[2]+B[4]+B[5]-A[2]-A[4]-A[5]))
    [ $((200*b/(t+1))) -le "$NOISE" ] && return 0
  done
  [ -z "${STRICT:-}" ]
}
enough() { # LABEL: does this peer already have its samples?
  [ "$(awk -v a="suite=$suite" -v b="test=$1" -v c="peer=$name" -v max="$NOISE" '
    $1 == a && $2 == b && $3 == c { sub(/.*noise_pct=/, ""); if ($0 + 0 <= max + 0) n++ } END { print n + 0 }' "$out")" -ge "$ROUNDS" ]
}
gen() { # LABEL CPUS ARGS...
  local label=$1 cpus=$2; shift 2
  enough "$label" && return
  quiet || return
  local own=() line; [ $PEER_PID != 0 ] && own=(-P $PEER_PID)
  line=$($PRIO taskset -c "$cpus" "$BIN/loadgen" -u "$PEER_URL" "${PEER_HDRS[@]}" "${own[@]}" -O $MOCK "$@")
  [ -n "$line" ] || { echo "suite=$suite test=$label peer=$name: no sample, loadgen failed" >&2; return; }
  echo "suite=$suite test=$label peer=$name $line" | tee -a "$out"
}

case $suite in
  slow) mock_start 1 -l 500 ;;
  many) mock_start 1 -i 100 ;;
  cap2) mock_start 0,1 -t 2 ;;
  *)    mock_start 1 ;;
esac
labels() {
  case $suite in
    cap1|ledger|cache|cap2) echo closed ;; rate) for x in $RATES; do echo "r$x"; done ;; slow) echo slow ;;
    stream) for x in $STREAMS; do echo "s$x"; done ;; many) echo many ;; memory) echo idle s1000 after ;;
    *) echo "unknown suite $suite" >&2; exit 2 ;;
  esac
}
touch "$out"
for ((r = 1; r <= PASSES; r++)); do
  missing=0
  for name in "${peers[@]}"; do
    want=0; for l in $(labels); do enough "$l" || want=1; done
    [ $want = 0 ] && continue
    missing=1
    cores=1 cpus=0; [ "$suite" = cap2 ] && cores=2 cpus=0,1
    peer_start "$name" $cores $cpus || continue
    case $suite in
      cap1|ledger|cache) gen closed 1 -f "$here/req.json" -c 32 -w "$WARM" -d "$SECS" ;;
      cap2)   gen closed 0,1 -f "$here/req.json" -c 64 -w "$WARM" -d "$SECS" ;;
      rate)   for x in $RATES; do gen "r$x" 1 -f "$here/req.json" -c 64 -r "$x" -d "$SECS"; done ;;
      slow)   gen slow 1 -f "$here/req.json" -c 2000 -r 1000 -B 500000 -w 2 -d "$SECS" ;;
      stream) for x in $STREAMS; do gen "s$x" 1 -S -f "$here/req-stream.json" -c "$x" -w 2.5 -d "$SECS"; done ;;
      many)   gen many 1 -S -f "$here/req-stream.json" -c 1000 -w 2 -d "$SECS" ;;
      memory) [ "$name" = direct ] && continue
              gen idle 1 -f "$here/req.json" -c 1 -r 1 -w 0.5 -d 1
              gen s1000 1 -S -f "$here/req-stream.json" -c 1000 -w 2.5 -d "$SECS"
              gen after 1 -f "$here/req.json" -c 1 -r 1 -w 0.5 -d 1 ;;
    esac
    [ $PEER_PID != 0 ] && [ "$suite" = cap1 ] && echo "suite=startup test=cold peer=$name $PEER_STARTUP" | tee -a "$out"
    peer_stop
  done
  [ $missing = 0 ] && break
done
