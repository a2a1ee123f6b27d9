# shellcheck shell=bash
# What scenarios are made of; to be sourced, inside of the container.

# shellcheck source=/dev/null
. /judge/common/check.sh
# shellcheck source=/dev/null
. /judge/stand-ins/judge.sh
# shellcheck disable=SC2154 # they come from there
: "$judge" "$domains" "$config_path" "$roots_path"

# vm NAME nfs|iscsi|manual [FLAG[=SECONDS]...]: the files of a VM, as they are generated.
vm() {
    local name=$1 storage=$2 flag
    shift 2
    printf 'name = "%s"\nmemory = 512\n' "$name" >"$config_path/$name.cfg"
    case $storage in
        nfs)
            cat >"$roots_path/$name.nfs" <<DATA
ROOT_FSTYPE='nfs'
ROOT_SOURCE='10.0.0.5:/tank/vms/org/$name-root'
ROOT_OPTIONS='nodev,nosuid'
DATA
            ;;
        iscsi)
            local iqn=iqn.2024-01.test.judge:$name
            local device=/dev/disk/by-path/ip-2001:db8::6:3260-iscsi-$iqn-lun-1
            cat >"$roots_path/$name.iscsi" <<DATA
ISCSI_IQN='$iqn'
ISCSI_PORTAL='[2001:db8::6]:3260'
ROOT_DEVICE='$device'
ROOT_FSTYPE='ext4'
ROOT_SOURCE='$device'
ROOT_OPTIONS='nodev,nosuid,_netdev'
DATA
            ;;
    esac
    mkdir -p "$judge/flags/$name"
    for flag in "$@"; do
        set_flag "$name" "$flag"
    done
}

# set_flag NAME FLAG[=SECONDS]
set_flag() {
    echo "${2#*=}" >"$judge/flags/$1/${2%=*}"
}

clear_flag() {
    rm "$judge/flags/$1/$2"
}

# eventually COMMAND...: waits until it succeeds, at most 20 seconds.
eventually() {
    local round
    for ((round = 0; round < 400; round++)); do
        ! "$@" || return 0
        sleep 0.05
    done
    return 1
}

not() {
    ! "$@"
}

# is UNIT STATE: its ActiveState, for failed units with the reason, such as failed/timeout.
is() {
    local state result
    state=$(systemctl show --property ActiveState --value "$1")
    result=$(systemctl show --property Result --value "$1")
    [[ $state != failed ]] || state=failed/$result
    # After a success, Result says so.
    [[ $state != inactive || $result == success ]] || state=inactive/$result
    [[ $state == "$2" ]]
}

# start and stop are expected to work unless they say otherwise.
start() {
    check "start $1" systemctl start "$1"
}

start_fails() {
    check "start $1 fails" not systemctl start "$1"
}

stop() {
    check "stop $1" systemctl stop "$1"
}

# systemd refuses the sixth start within 10 seconds; this starts counting again.
allow_many_starts() {
    systemctl reset-failed "$@" 2>/dev/null || true
}

running() {
    domain_exists "$1" && is "vm@$1.service" active
}

has_session() {
    [[ -e $judge/sessions/iqn.2024-01.test.judge:$1 ]]
}

domid_of() {
    cat "$domains/$1/domid"
}

# has_other_domid NAME DOMID
has_other_domid() {
    local domid
    domid=$(domid_of "$1" 2>/dev/null) && [[ $domid != "$2" ]]
}

# guest NAME off|reboot: what the guest does by itself.
guest() {
    set_state "$1" "$2"
}

# events NAME: its lines in the log, without times.
events() {
    grep -E " $1( |\$)" "$judge/log" | cut -d ' ' -f 2-
}

# in_order NAME PATTERN...: the events of a VM include these (grep -E), one after the other.
in_order() {
    local name=$1 line
    shift
    while read -r line; do
        if [[ $# -gt 0 ]] && grep -qE -- "$1" <<<"$line"; then
            shift
        fi
    done < <(events "$name")
    [[ $# -eq 0 ]] || {
        echo "  no '$1' in the right place of:"
        events "$name" | sed 's/^/    /'
        return 1
    }
}

# never NAME PATTERN
never() {
    ! events "$1" | grep -E -- "$2"
}

# says UNIT PATTERN: whether a message of the unit matches (grep -E).
says() {
    journalctl --sync
    journalctl --unit "$1" --output cat | grep -qE -- "$2"
}
