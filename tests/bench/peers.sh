# Peers of the benchmark; sourced by run.sh.
#   peer_start NAME CORES CPUS   starts one on the CPUs given (taskset list); sets PEER_PID, PEER_URL, PEER_HDRS
#   peer_stop
# All but 'direct' pass requests on to mockllm on 127.0.0.1:9100.
PEERS_ALL="direct nginx-gw"
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

fill() { sed "s|@CORES@|$2|g; s|@DIR@|$dir|g" "$here/conf/$1.in" > "$dir/$1"; }

peer_start() {
  local name=$1 cores=$2 cpus=$3 port cmd env=()
  dir=$WORK/$name; rm -rf "$dir"; mkdir -p "$dir"; chmod 777 "$dir"
  PEER_HDRS=(-H "Authorization: Bearer sk-bench"); PEER_PID=0
  case $name in
    direct)     PEER_URL=http://127.0.0.1:9100/v1/chat/completions; return ;;
    nginx-gw)   fill nginx.conf "$cores"; port=9202; cmd=(nginx -c "$dir/nginx.conf") ;;
    *)          # any other gateway: GW_NAME_CMD='command line' GW_NAME_PORT=... (NAME with - as _)
                local v=GW_${name//-/_}_CMD p=GW_${name//-/_}_PORT
                [ -n "${!v}" ] || { echo "unknown peer $name" >&2; return 1; }
                port=${!p}; env=(CORES="$cores"); read -ra cmd <<< "${!v}" ;;
  esac
  PEER_URL=http://127.0.0.1:$port/v1/chat/completions
  # nginx and our own servers listen with SO_REUSEPORT: a left-over one would share the load unseen
  if [ -n "$(ss -Hltn "sport = :$port")" ]; then echo "$name: port $port is taken" >&2; return 1; fi
  PEER_T0=$(date +%s%N)
  env "${env[@]}" $PRIO taskset -c "$cpus" "${cmd[@]}" > "$dir/out.log" 2>&1 &
  PEER_PID=$!
  PEER_STARTUP=$("$BIN/loadgen" -u "$PEER_URL" "${PEER_HDRS[@]}" -f "$here/req.json" -U "$PEER_T0") ||
    { echo "$name did not start:" >&2; tail -3 "$dir/out.log" >&2; peer_stop; return 1; }
}

peer_stop() {
  [ "${PEER_PID:-0}" = 0 ] && return
  kill -TERM "$PEER_PID" 2>/dev/null; wait "$PEER_PID" 2>/dev/null; PEER_PID=0
}
