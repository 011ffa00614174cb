# What a document's commands find. PROGRAMS, XTASK and OUTPUT come from the environment.
set -euo pipefail
export PATH="$PROGRAMS:$PATH"

# The input ends with who started this, or when that has waited long enough. Then all of this process group ends, and by `stop`
# below the other terminals.
{
    trap '' TERM
    cat >/dev/null
    kill -TERM 0
    for try in $(seq 150); do kill -0 $$ 2>/dev/null || break; sleep 0.1; done
    kill -0 $PPID 2>/dev/null || rm -rf "${OUTPUT%/*}"
    kill -KILL 0
} <&0 &
disown
exec </dev/null
trap 'echo "failed: $BASH_COMMAND"' ERR

# The programs that the tests have built, under the commands that a reader builds and starts them with.
cargo() {
    local verb="$1" name=""
    shift
    if [[ "$verb" == xtask ]]; then
        "$XTASK" "$@"
        return
    fi
    while (($# > 0)) && [[ "$1" != -- ]]; do
        case "$1" in
            -p | --package | --path) name="$(basename "$2")"; shift ;;
            --release) ;;
            *) echo "cargo $verb: $1 is not known to the documents' test" >&2; return 2 ;;
        esac
        shift
    done
    (($# > 0)) && shift
    [[ -x "$PROGRAMS/$name" ]] || { echo "$name was not built" >&2; return 2; }
    case "$verb" in
        build | install) ;;
        run) if [[ -n "${SERVING:-}" ]]; then exec "$PROGRAMS/$name" "$@"; else "$PROGRAMS/$name" "$@"; fi ;;
        *) echo "cargo $verb is not known to the documents' test" >&2; return 2 ;;
    esac
}

# ready PID LINE TEXT: waits until a block has printed the text.
ready() {
    local try
    for try in $(seq 600); do
        if grep -qF -- "$3" "$OUTPUT/$2"; then return; fi
        kill -0 "$1" 2>/dev/null || { echo "it ended without \"$3\"" >>"$OUTPUT/$2"; return 1; }
        sleep 0.2
    done
    echo "it has not printed \"$3\" in two minutes" >>"$OUTPUT/$2"
    return 1
}

# Each of the other terminals is a process group of its own, with whatever it has started.
stop() {
    local groups group try
    groups="$(jobs -p)"
    for group in $groups; do kill -- "-$group" 2>/dev/null || true; done
    for try in $(seq 100); do
        for group in $groups; do kill -0 -- "-$group" 2>/dev/null && { sleep 0.1; continue 2; }; done
        return
    done
    for group in $groups; do kill -KILL -- "-$group" 2>/dev/null || true; done
}
trap stop EXIT
