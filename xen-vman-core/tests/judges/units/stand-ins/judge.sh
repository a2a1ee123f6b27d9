# shellcheck shell=sh
# For the stand-ins; to be sourced. All they know is in $judge:
#   log              what was called, one line per event, with the seconds since boot
#   domains/NAME/    the domains there are: files domid, state (running, off, reboot)
#   records/, sessions/   named after IQNs
#   flags/NAME/FLAG  how the stand-ins behave for a VM; the file may hold a number of seconds
#   tree             paths and limits of the tree under test: config_path, roots_path, mount_path ...
# shellcheck disable=SC2034 # used where this is sourced
judge=/judge
domains=$judge/domains
config_path='' roots_path='' mount_path=''
# shellcheck source=/dev/null
. "$judge/tree"

log() {
    read -r up _ </proc/uptime
    echo "$up $*" >>"$judge/log"
}

# flag NAME FLAG
flag() {
    [ -e "$judge/flags/$1/$2" ]
}

# pause NAME FLAG DEFAULT: sleeps for the time that the flag holds.
pause() {
    seconds=$3
    if flag "$1" "$2"; then
        read -r seconds <"$judge/flags/$1/$2"
    fi
    sleep "$seconds"
}

is_mounted() {
    grep -q " $mount_path/$1 " /proc/self/mountinfo
}

domain_exists() {
    [ -d "$domains/$1" ]
}

# set_state NAME STATE: in one piece, since a monitor that finds no state there takes its domain for removed.
set_state() {
    echo "$2" >"$domains/$1/state.new" && mv "$domains/$1/state.new" "$domains/$1/state"
}

# A state that must never be: the root of VM NAME in use twice, or its disk taken away.
violation() {
    log "VIOLATION $*"
}
