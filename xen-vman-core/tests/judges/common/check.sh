# shellcheck shell=bash
# For scripts that print one line per check; to be sourced.

passed=0
failed=0

# check DESCRIPTION COMMAND...: one check, passed if COMMAND succeeds.
check() {
    local description=$1
    shift
    if "$@"; then
        echo "ok      $description"
        passed=$((passed + 1))
    else
        echo "FAILED  $description"
        failed=$((failed + 1))
    fi
}

# check_same DESCRIPTION EXPECTED FOUND
check_same() {
    check "$1" test "$2" = "$3"
    [[ $2 == "$3" ]] || printf '  expected:\n%s\n  found:\n%s\n' "$2" "$3"
}

# The last line and the exit status.
finish() {
    echo "$passed passed, $failed failed"
    [[ $failed -eq 0 ]]
}

# Exit status 77: these checks cannot be made here.
skip() {
    echo "skipped: $*"
    exit 77
}

need_root() {
    [[ $(id -u) -eq 0 ]] || skip "needs root"
}

need_commands() {
    local command
    for command in "$@"; do
        command -v "$command" >/dev/null || skip "needs the command $command"
    done
}

usage_error() {
    echo "usage: $*" >&2
    exit 64
}
