# shellcheck shell=bash
# Scenarios of vm_mount@; to be sourced.
# shellcheck disable=SC2154 # variables come from lib.sh

mount_and_umount() {
    local kind
    for kind in nfs iscsi; do
        vm "mounted-$kind" "$kind"
        start "vm_mount@mounted-$kind"
        check "$kind: it is mounted" is_mounted "mounted-$kind"
        check "$kind: start again is fine" systemctl start "vm_mount@mounted-$kind"
        stop "vm_mount@mounted-$kind"
        check "$kind: it is not mounted" not is_mounted "mounted-$kind"
        check "$kind: the mount point is gone" not test -e "$mount_path/mounted-$kind"
    done
    check "NFS: source and options" in_order mounted-nfs \
        "-t nfs -o nodev,nosuid 10.0.0.5:/tank/vms/org/mounted-nfs-root $mount_path/mounted-nfs\$"
    check "NFS: no iSCSI" never mounted-nfs iscsiadm
    check "iSCSI: no session is left" eventually not has_session mounted-iscsi
    check "iSCSI: type, options, order" in_order mounted-iscsi login \
        "-t ext4 -o nodev,nosuid,_netdev /dev/disk/by-path/.*-lun-1" "umount .* done 0" logout
}

umount_with_more_below() {
    vm nested nfs
    start vm_mount@nested
    mkdir "$mount_path/nested/proc"
    /bin/mount -t proc proc "$mount_path/nested/proc"
    stop vm_mount@nested
    check "all is unmounted" not grep -q " $mount_path/nested" /proc/self/mountinfo
}

mount_while_running() {
    local domid
    vm occupied iscsi
    start vm@occupied
    domid=$(domid_of occupied)
    start_fails vm_mount@occupied
    check "the message says what to do" says vm_mount@occupied "systemctl stop vm@occupied"
    check "the VM is untouched" running occupied
    check_same "as the same domain" "$domid" "$(domid_of occupied)"
    check "no shutdown, no mount, no logout" never occupied "shutdown|mount|logout"
    check "no mount point" not test -e "$mount_path/occupied"
    stop vm@occupied
}

# A VM was renamed: the old one still runs on the root that both have.
start_and_mount_while_renamed_one_runs() {
    local kind unit
    for kind in nfs iscsi; do
        unit=vm
        [[ $kind != iscsi ]] || unit=vm_iscsi_session
        vm "old-$kind" "$kind"
        vm "new-$kind" "$kind"
        cp "$roots_path/old-$kind.$kind" "$roots_path/new-$kind.$kind"
        start "vm@old-$kind"
        start_fails "vm@new-$kind"
        check "$kind: the message says what to do" says "$unit@new-$kind" "systemctl stop vm@old-$kind"
        start_fails "vm_mount@new-$kind"
        check "$kind: nothing was created or mounted" never "new-$kind" "xl create|mount -t"
        check "$kind: the old one runs" running "old-$kind"
        stop "vm@old-$kind"
        start "vm@new-$kind"
        start_fails "vm@old-$kind"
        stop "vm@new-$kind"
    done
}

mount_while_stopping() {
    vm leaving nfs shutdown-delay=1
    start vm@leaving
    systemctl stop --no-block vm@leaving
    eventually is vm@leaving.service deactivating
    start vm_mount@leaving
    check "waits for the end of the VM" in_order leaving "xl shutdown" "^mount"
    check "the VM has ended" is vm@leaving.service inactive
    stop vm_mount@leaving
}

start_while_mounted() {
    local kind
    for kind in nfs iscsi; do
        vm "slow-$kind" "$kind" umount-delay=1
        start "vm_mount@slow-$kind"
        start "vm@slow-$kind"
        check "$kind: create waits for umount" in_order "slow-$kind" \
            "^mount" "^umount slow-$kind\$" "umount slow-$kind done 0" "xl create"
        check "$kind: vm_mount@ is stopped" is "vm_mount@slow-$kind.service" inactive
        check "$kind: the mount point is gone" not test -e "$mount_path/slow-$kind"
        check "$kind: no logout between" never "slow-$kind" logout
        stop "vm@slow-$kind"
    done
}

start_while_mount_is_busy() {
    vm busy iscsi
    start vm_mount@busy
    (cd "$mount_path/busy" && exec sleep 100) &
    sleep 0.2
    start_fails vm@busy
    check "the message says what to do" says vm@busy "fuser -vm $mount_path/busy"
    check "no domain was created" never busy "xl create"
    eventually is vm_iscsi_session@busy.service failed/exit-code
    check "the disk stays as long as it is mounted" has_session busy
    check "and the reason is told" says vm_iscsi_session@busy "mounted on this host.*$mount_path/busy"
    kill %%
    wait %% 2>/dev/null
    start vm@busy
    check "not mounted any more" not is_mounted busy
    stop vm@busy
    check "the session ends" eventually not has_session busy
}

umount_while_busy() {
    vm inuse nfs
    start vm_mount@inuse
    (cd "$mount_path/inuse" && exec sleep 100) &
    sleep 0.2
    systemctl stop vm_mount@inuse
    check "the unit says so" is vm_mount@inuse.service failed/exit-code
    check "the message says what to do" says vm_mount@inuse "fuser -vm $mount_path/inuse"
    check "it is still mounted" is_mounted inuse
    start vm_mount@inuse
    kill %%
    wait %% 2>/dev/null
    stop vm_mount@inuse
    check "it is not mounted any more" not is_mounted inuse
}

start_while_disk_is_mounted_elsewhere() {
    vm elsewhere iscsi
    start vm_iscsi@elsewhere
    mkdir /mnt/elsewhere
    /bin/mount -t tmpfs /dev/judge-elsewhere /mnt/elsewhere
    start_fails vm@elsewhere
    check "the message names the place" says vm@elsewhere "unmount it first: /mnt/elsewhere"
    check "no domain was created" never elsewhere "xl create"
    /bin/umount /mnt/elsewhere
    stop vm_iscsi@elsewhere
}

both_at_once() {
    local round
    vm racing iscsi create-delay=0.2 mount-delay=0.2
    for round in 0 1 2 3 4 5; do
        allow_many_starts vm@racing
        systemctl start --no-block vm@racing vm_mount@racing
        sleep 0.$round
        systemctl start --no-block vm_mount@racing
        systemctl start --no-block vm@racing
        check "round $round: the VM starts" eventually is vm@racing.service active
        check "round $round: its root is not mounted" not is_mounted racing
        systemctl restart --no-block vm@racing
        systemctl start vm_mount@racing
        check "round $round: the VM restarts" eventually is vm@racing.service active
        check "round $round: its root is not mounted" not is_mounted racing
        systemctl stop vm@racing
    done
    check "no session is left" eventually not has_session racing
}

mount_fails() {
    vm damaged nfs mount-fails
    start_fails vm_mount@damaged
    check "the message names the source" says vm_mount@damaged "mounting 10.0.0.5:.* failed"
    check "no mount point is left" not test -e "$mount_path/damaged"
    vm silent nfs mount-hangs
    start_fails vm_mount@silent
    check "a server that is down: there is a message" says vm_mount@silent "took longer than $mount_limit seconds"
    check "it is not systemd that gives up" is vm_mount@silent.service failed/exit-code
    check "no mount point is left" not test -e "$mount_path/silent"
}

mount_without_managed_root() {
    vm manual manual
    start_fails vm_mount@manual
    check "the message says why" says vm_mount@manual "root is not managed"
    check "no mount point is left" not test -e "$mount_path/manual"
    start vm@manual
    stop vm@manual
}

usage() {
    local script
    for script in vm-root vm-domain; do
        check "$script --help" "$library/$script" --help >/dev/null
        check_same "$script without arguments" 64 "$("$library/$script" >/dev/null 2>&1; echo $?)"
        check_same "$script with a name that is a path" 64 \
            "$("$library/$script" release ../x >/dev/null 2>&1; echo $?)"
    done
    check_same "vm-domain with a domain ID for a name" 64 \
        "$("$library/vm-domain" stop 7 >/dev/null 2>&1; echo $?)"
}
