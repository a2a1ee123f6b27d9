# shellcheck shell=bash
# What `plan` and `apply` do to a host; to be sourced, inside of the container.
# shellcheck disable=SC2154 # set where the stand-ins begin

exports=/srv/nfs/tank/org

# cli STATUS WORD...: runs the command line, which must end so; what it says is in $said.
cli() {
    local expected=$1 status=0
    shift
    # There is no Xen in a container.
    [[ $1 != apply ]] || set -- apply --no-preflight "${@:2}"
    said=$(xen-vman-cli "$@" 2>&1 </dev/null) || status=$?
    check_same "exit status of $*" "$expected" "$status"
    [[ $status -eq $expected ]] || printf '%s\n' "$said"
}

says() {
    check "it says: $1" grep -qF -- "$1" <<<"$said"
    grep -qF -- "$1" <<<"$said" || printf '%s\n' "$said"
}

does_not_say() {
    check "it does not say: $1" not grep -qF -- "$1" <<<"$said"
}

not() {
    ! "$@"
}

unit_is() {
    check_same "$1 is $2" "$2" "$(systemctl is-active "$1")"
}

enabled_is() {
    check_same "$1 is $2" "$2" "$(systemctl is-enabled "$1" 2>/dev/null)"
}

# change FROM TO: in the definition.
change() {
    check "the definition has $1" grep -q "$1" host.toml
    sed -i "s|$1|$2|" host.toml
}

domid_of() {
    cat "$domains/$1/domid" 2>/dev/null || echo none
}

# What must be in a root that was installed.
is_installed() {
    local name=$1 root=$exports/$1-root
    check_same "hostname of $name" "org-$name" "$(cat "$root/etc/hostname")"
    check "$name has the user" grep -q '^admin:x:1000:' "$root/etc/passwd"
    check_same "keys of $name" "1000:1000 600" "$(stat -c '%u:%g %a' "$root/home/admin/.ssh/authorized_keys")"
    check_same "sudoers of $name" "0:0 440" "$(stat -c '%u:%g %a' "$root/etc/sudoers.d/admin")"
    check "$name has fstab" grep -q "10.0.0.5:/tank/org/$name-root" "$root/etc/fstab"
    check "$name has its network" grep -q 'eth0' "$root/etc/network/interfaces"
    check "resolv.conf of $name is a file" test ! -L "$root/etc/resolv.conf"
}

nothing_left() {
    check_same "no mount is left" "" "$(grep -E '/mnt/vms|/xen-vman/' /proc/self/mountinfo)"
    check_same "no session is left but those of running VMs" "" \
        "$(cd "$judge/sessions" && for iqn in *; do [[ ! -e $iqn || -d $domains/${iqn##*:} ]] || echo "$iqn"; done)"
    check_same "no process is left" "" "$(pgrep -af 'debootstrap|^sleep 0.2$' || true)"
}

first_apply() {
    mkdir -p "$exports"/{fresh,off,whole,full,runs}-root "$exports"/whole-root/{etc,usr/sbin,sbin}
    touch "$exports/whole-root/etc/os-release" "$exports/whole-root/usr/sbin/init" "$exports/whole-root/sbin/init"
    echo "somebody's" >"$exports/full-root/thesis.tex"
    echo 'name = "org-runs"' >/root/runs.cfg
    xl create /root/runs.cfg
    local by_hand
    by_hand=$(domid_of org-runs)

    cli 3 plan host.toml --detailed-exitcode
    says "install org-fresh on 10.0.0.5:/tank/org/fresh-root if it is empty [install]"
    says "record org-runs on 10.0.0.5:/tank/org/runs-root as installed: it is already running"
    says "build the guest initrd for kernel 6.1.0-1-judge [initrd rebuild]"
    says "start org-fresh"
    does_not_say "start org-off"
    check "a plan does nothing" test ! -e /etc/systemd/system/vm@.service

    cli 2 apply host.toml
    says "org-full"
    says "is not empty, but holds no complete system"
    is_installed fresh
    is_installed off
    unit_is vm@org-fresh active
    unit_is vm@org-off inactive
    unit_is vm@org-own inactive
    enabled_is vm@org-fresh enabled
    enabled_is vm@org-own enabled
    enabled_is vm@org-off disabled
    enabled_is xen_vman_global_preparation enabled
    check_same "systemd has read the units" no "$(systemctl show --property NeedDaemonReload --value vm@org-fresh)"
    check "both kernels have an initrd" test -s /etc/xen/initrd.img-6.1.0-1-judge
    check_same "the VM that runs goes on" "$by_hand" "$(domid_of org-runs)"
    cli 0 status --file host.toml
    check_same "status shows who started it" "org-runs yes yes yes, by hand yes 10.0.0.5:/tank/org/runs-root" \
        "$(grep '^org-runs' <<<"$said" | tr -s ' ')"
    says "vm-domain adopt org-runs"
    does_not_say "adopt org-fresh"
    check_same "what is somebody's stays" "somebody's" "$(cat "$exports/full-root/thesis.tex")"
    check_same "and nothing is added to it" thesis.tex "$(ls -A "$exports/full-root")"
    check_same "a whole system is left as it is" "etc sbin usr" "$(cd "$exports/whole-root" && echo *)"
    nothing_left

    # Once it is empty, it is installed.
    rm "$exports/full-root/thesis.tex"
    cli 0 apply host.toml
    is_installed full
    unit_is vm@org-full active
    nothing_left
}

second_apply() {
    local before
    before=$(find /etc /usr/local /var/lib/xen-vman "$exports" -printf '%p %i %T@\n' | sort)
    cli 0 plan host.toml --detailed-exitcode
    cli 0 apply host.toml
    says "nothing to do"
    check_same "nothing was touched" "$before" \
        "$(find /etc /usr/local /var/lib/xen-vman "$exports" -printf '%p %i %T@\n' | sort)"
}

changed_settings() {
    local before
    before=$(domid_of org-fresh)
    change 'name = "fresh"' 'name = "fresh"\nmemory = 2048'
    cli 3 plan host.toml --detailed-exitcode
    says "change /etc/xen/vms/org-fresh.cfg [VM needs restart]"
    cli 0 apply host.toml
    says "systemctl restart vm@org-fresh"
    check_same "the VM goes on" "$before" "$(domid_of org-fresh)"
    cli 0 plan host.toml --detailed-exitcode
    says "systemctl restart vm@org-fresh"
    cli 0 status --file host.toml
    check_same "status shows it" "org-fresh yes yes yes, restart it yes 10.0.0.5:/tank/org/fresh-root" \
        "$(grep '^org-fresh' <<<"$said" | tr -s ' ')"
    cli 0 facts
    says "# running domains: org-f"
    cli 3 doctor --file host.toml
    says "MISSING  xen: this machine is not running under Xen"
    systemctl restart vm@org-fresh
    check "the VM has been restarted" test "$before" != "$(domid_of org-fresh)"
    cli 0 plan host.toml --detailed-exitcode
    does_not_say "systemctl restart"
    # A comment means nothing to a VM.
    change 'memory = 2048' 'memory = 2048\ndescription = "of the chair"'
    cli 0 apply host.toml
    does_not_say "systemctl restart"
}

switched_off() {
    change 'name = "own"' 'name = "own"\nauto_boot = false'
    systemctl start vm@org-own
    cli 0 apply host.toml
    enabled_is vm@org-own disabled
    unit_is vm@org-own active
    systemctl start vm@org-disk
    unit_is vm@org-disk active
}

killed_in_debootstrap() {
    xen-vman-cli apply --no-preflight host.toml >/dev/null 2>&1 &
    local apply=$! round
    for ((round = 0; round < 100; round++)); do
        ! pgrep -f '^sleep 0.2$' >/dev/null || break
        sleep 0.1
    done
    check "debootstrap is at work" pgrep -f '^sleep 0.2$'
    kill -KILL "$apply"
    wait "$apply" 2>/dev/null
    sleep 1
    nothing_left
}

interrupted_install() {
    mkdir -p "$exports/late-root" "$judge/flags/debootstrap"
    printf '%s\n' '[[vms]]' 'org = "org"' 'os = { type = "debian", version = "12" }' 'name = "late"' 'interfaces = [{ ip = "10.0.0.17/24" }]' >>host.toml
    touch "$judge/flags/debootstrap/fails"
    cli 2 apply host.toml
    says "pretended failure"
    unit_is vm@org-late inactive
    check "a VM that is not installed does not start" not systemctl start vm@org-late
    nothing_left
    rm "$judge/flags/debootstrap/fails"

    touch "$judge/flags/debootstrap/slow"
    killed_in_debootstrap
    rm "$judge/flags/debootstrap/slow"
    cli 0 apply host.toml
    is_installed late
    unit_is vm@org-late active
    nothing_left
    cli 0 plan host.toml --detailed-exitcode
}

reinstall() {
    local before
    before=$(domid_of org-late)
    echo mine >"$exports/late-root/home/admin/thesis.tex"
    ln -s /etc "$exports/late-root/home/admin/.hidden"
    change 'name = "late"' 'name = "late"\nreinstall = "2026-11-24"'
    cli 3 plan host.toml --detailed-exitcode
    says "erase 10.0.0.5:/tank/org/late-root and reinstall org-late [DESTROYS DATA]"
    cli 2 apply host.toml
    says "--yes"
    check "nothing is lost without a yes" test -e "$exports/late-root/home/admin/thesis.tex"
    check_same "and the VM goes on" "$before" "$(domid_of org-late)"
    cli 0 apply host.toml --yes
    check "what was there is gone" test ! -e "$exports/late-root/home/admin/thesis.tex"
    check "what it pointed to is not" test -e /etc/passwd
    is_installed late
    unit_is vm@org-late active
    check "the VM has been started again" test "$before" != "$(domid_of org-late)"
    cli 0 plan host.toml --detailed-exitcode
    change 'reinstall = "2026-11-24"' 'reinstall = "no"'
    cli 0 plan host.toml --detailed-exitcode
    nothing_left
}

left_the_definition() {
    # Off the list goes the last VM.
    sed -i '/name = "late"/,$d' host.toml
    sed -i '$d' host.toml
    sed -i '$d' host.toml
    sed -i '$d' host.toml
    cli 0 apply host.toml
    says "/etc/xen/vms/org-late.cfg"
    unit_is vm@org-late active
    cli 3 plan host.toml --detailed-exitcode --prune
    says "stop org-late: it is no longer defined"
    cli 2 apply host.toml --prune
    says "would stop and remove org-late"
    unit_is vm@org-late active
    cli 0 apply host.toml --prune --yes
    unit_is vm@org-late inactive
    check_same "no domain of it is left" none "$(domid_of org-late)"
    check "its configuration is gone" test ! -e /etc/xen/vms/org-late.cfg
    check "its root is not" test -e "$exports/late-root/etc/hostname"
    check "what it had is kept" compgen -G '/var/lib/xen-vman/generations/*/files/etc/xen/vms/org-late.cfg'
    cli 0 plan host.toml --detailed-exitcode --prune
}

# Units and files as the Ansible role has them, with VMs that they started.
units_of_the_role() {
    local iscsiadm='/usr/sbin/iscsiadm -m node -T iqn.2017-01.de.example:%i -p 10.0.0.6:3260'
    printf '%s\n' '[Unit]' 'Description=VM %i' Requires=vm_iscsi@%i.service After=vm_iscsi@%i.service \
        '[Service]' Type=forking 'ExecStart=/usr/sbin/xl create /etc/xen/vms/%i.cfg' \
        'ExecStop=/usr/sbin/xl shutdown -w %i' >/etc/systemd/system/vm@.service
    printf '%s\n' '[Unit]' ConditionPathExists=/etc/xen/vms/.iscsi/%i '[Service]' Type=oneshot RemainAfterExit=yes \
        "ExecStart=$iscsiadm -o new" "ExecStart=$iscsiadm --login" "ExecStop=$iscsiadm --logout" \
        >/etc/systemd/system/vm_iscsi@.service
    printf '%s\n' '[Unit]' Requires=vm_iscsi@%i.service After=vm_iscsi@%i.service Conflicts=vm@%i.service \
        '[Service]' Type=oneshot RemainAfterExit=yes 'ExecStart=/bin/mkdir -p /mnt/vms/%i' \
        'ExecStart=/bin/mount -t tmpfs tmpfs /mnt/vms/%i' 'ExecStop=/bin/umount /mnt/vms/%i' \
        >/etc/systemd/system/vm_mount@.service
    systemctl daemon-reload
    mkdir -p /etc/xen/vms/.iscsi "$judge/flags/org-old"
    touch /etc/xen/vms/.iscsi/org-disk "$judge/flags/org-old/deaf"
    printf 'name = "org-old"\nmemory = 512\n' >/etc/xen/vms/org-old.cfg
}

mounted_by_the_role() {
    systemctl stop vm@org-disk
    units_of_the_role
    check "the old units mount a root" systemctl start vm_mount@org-disk
    cli 3 plan host.toml --detailed-exitcode
    says "take over the session of org-disk, iqn.2017-01.de.example:org-disk, which stays open"
    cli 0 apply host.toml
    unit_is vm_iscsi_session@org-disk active
    unit_is vm_iscsi@org-disk inactive
    check "the root stays mounted" mountpoint -q /mnt/vms/org-disk
    cli 0 plan host.toml --detailed-exitcode
    systemctl stop vm_mount@org-disk
    check "the root is unmounted" not mountpoint -q /mnt/vms/org-disk
    session_ends
}

session_ends() {
    check "the session has ended" timeout 20 sh -c \
        "while [ -e '$judge/sessions/iqn.2017-01.de.example:org-disk' ]; do sleep 0.1; done"
}

taken_over() {
    local old disk
    systemctl stop vm@org-disk
    units_of_the_role
    check "the old units start VMs" systemctl start vm@org-old vm@org-disk
    unit_is vm_iscsi@org-disk active
    unit_is vm_iscsi_session@org-disk inactive
    old=$(domid_of org-old)
    disk=$(domid_of org-disk)
    sed -i '1i stop_timeout = 5' host.toml
    printf '%s\n' '[[vms]]' 'org = "org"' 'name = "old"' 'os = { type = "debian", version = "12" }' \
        'storage_type = "lvm"' 'disks = ["phy:/dev/vg0/old,xvda,w"]' \
        'cmdline = "root=/dev/xvda"' 'interfaces = [{ ip = "10.0.0.18/24" }]' >>host.toml
    cli 3 plan host.toml --detailed-exitcode
    says "take over org-old, which keeps running"
    says "take over org-disk, which keeps running"
    says "change /etc/xen/vms/org-old.cfg [VM needs restart]"
    cli 0 apply host.toml
    check_same "the VM goes on" "$old" "$(domid_of org-old)"
    check_same "so does the one on iSCSI" "$disk" "$(domid_of org-disk)"
    unit_is vm@org-old active
    unit_is vm@org-disk active
    unit_is vm_iscsi@org-disk inactive
    unit_is vm_iscsi_session@org-disk active
    check "it has its session" test -e "$judge/sessions/iqn.2017-01.de.example:org-disk"
    cli 0 plan host.toml --detailed-exitcode
    says "systemctl restart vm@org-old"
    does_not_say "systemctl restart vm@org-disk"
    cli 0 status --file host.toml
    check_same "status shows it" "org-old yes yes yes, restart it - -" \
        "$(grep '^org-old' <<<"$said" | tr -s ' ')"
    check_same "only root can read its settings" 700 "$(stat -c %a /run/xen-vman/domains/org-old)"
    # It ignores its shutdown.
    systemctl stop vm@org-old
    unit_is vm@org-old failed
    check_same "its unit destroys it" none "$(domid_of org-old)"
    check "nothing is left of it in /run" test ! -e /run/xen-vman/domains/org-old
    rm "$judge/flags/org-old/deaf"
    systemctl reset-failed vm@org-old
    check "it starts like any other" systemctl start vm@org-old
    cli 0 plan host.toml --detailed-exitcode
    does_not_say "systemctl restart"
    systemctl stop vm@org-disk
    session_ends
}

# What is on the roots, and on the disk.
content_of_roots() {
    (cd "$exports" && find . -xdev -type f -exec cksum {} + | sort)
    cksum "$judge"/disks/* 2>/dev/null
}

uninstalled() {
    local unit domain before
    systemctl start vm@org-fresh
    cli 2 uninstall-host --yes
    says "systemctl stop vm@org-fresh"
    says "nothing was changed"
    unit_is vm@org-fresh active
    # Each command that it names ends a use.
    while read -r unit; do
        systemctl stop "$unit"
    done < <(sed -n 's/^  systemctl stop \(.*\)    # .*/\1/p' <<<"$said")
    while read -r domain; do
        xl destroy "$domain"
    done < <(sed -n 's/^  xl shutdown -w \(.*\)    # .*/\1/p' <<<"$said")
    before=$(content_of_roots)
    cli 0 uninstall-host --yes
    says "earlier versions of files, for \`rollback\`"
    check_same "roots are as before" "$before" "$(content_of_roots)"
    check_same "no unit is left" "" "$(systemctl list-unit-files --no-legend 'vm@*' 'vm_*' 'xen_vman*')"
    check_same "systemd needs no reload" no "$(systemctl show --property NeedDaemonReload --value multi-user.target)"
    check_same "nothing of ours is left" "" "$(ls -d /usr/local/lib/xen-vman /etc/kernel/*/xen-dracut /etc/xen-vman/roots \
        /etc/systemd/system/vm* /etc/systemd/system/multi-user.target.wants/*vm* /etc/xen/initrd.img* /etc/xen/vmlinuz \
        /var/lib/xen-vman/guests /mnt/vms 2>/dev/null)"
    # Those of the role, which apply replaced, are back.
    check_same "no configuration of ours is left" "" "$(grep -rl 'managed by xen-vman' /etc/xen/vms 2>/dev/null)"
    # And back.
    cli 0 rollback
    systemctl start vm@org-fresh
    unit_is vm@org-fresh active
    systemctl stop vm@org-fresh
}
