# shellcheck shell=bash
# Scenarios of the host as a whole; to be sourced.
# shellcheck disable=SC2154 # variables come from lib.sh

prepare() {
    systemctl restart xen_vman_global_preparation.service
}

global_preparation() {
    local version links
    version=$(uname -r)
    links="/boot/vmlinuz-$version /etc/xen/initrd.img-$version"
    rm -f /etc/xen/vmlinuz /etc/xen/initrd.img "/boot/vmlinuz-$version" "/etc/xen/initrd.img-$version"

    : >"/boot/vmlinuz-$version"
    check "without the initrd it fails" not prepare
    check "and says how to build it" says xen_vman_global_preparation "postinst.d/xen-dracut $version"
    check "no link is made" not test -L /etc/xen/vmlinuz
    : >"/etc/xen/initrd.img-$version"
    check "with both it works" prepare
    check_same "both links are set" "$links" "$(readlink /etc/xen/vmlinuz /etc/xen/initrd.img | xargs)"

    local before
    before=$(stat -c %i /etc/xen /etc/xen/vmlinuz /etc/xen/initrd.img; stat -c %Y%y /etc/xen)
    sleep 0.1
    check "once more" prepare
    check_same "touches nothing" "$before" \
        "$(stat -c %i /etc/xen /etc/xen/vmlinuz /etc/xen/initrd.img; stat -c %Y%y /etc/xen)"

    ln -sfn /boot/vmlinuz-old /etc/xen/vmlinuz
    rm "/boot/vmlinuz-$version"
    check "without the kernel it fails" not prepare
    check_same "the link stays" /boot/vmlinuz-old "$(readlink /etc/xen/vmlinuz)"
    : >"/boot/vmlinuz-$version"
    check "an old link is replaced" prepare
    check_same "by the right one" "$links" "$(readlink /etc/xen/vmlinuz /etc/xen/initrd.img | xargs)"
    rm /etc/xen/vmlinuz
    echo mine >/etc/xen/vmlinuz
    check "a file of the admin is not replaced" not prepare
    check_same "it is still there" mine "$(cat /etc/xen/vmlinuz)"
    rm /etc/xen/vmlinuz
    check "without it all is well" prepare

    local number
    vm prepared nfs
    for number in 1 2 3 4 5 6 7 8; do
        allow_many_starts vm@prepared
        rm /etc/xen/vmlinuz
        start vm@prepared
        check_same "start $number of a VM sets the link" "/boot/vmlinuz-$version" "$(readlink /etc/xen/vmlinuz)"
        stop vm@prepared
    done
    ln -sfn /boot/vmlinuz-old /etc/xen/vmlinuz
    rm "/boot/vmlinuz-$version"
    allow_many_starts vm@prepared
    start vm@prepared
    check "a preparation that fails does not keep a VM from starting" running prepared
    stop vm@prepared
    : >"/boot/vmlinuz-$version"
}

# created NAME: the number of the log line.
created() {
    grep -n " xl create $1\$" "$judge/log" | tail -n 1 | cut -d : -f 1
}

# came_after NAME: was it created after the VMs in its drop-in?
came_after() {
    local drop_in=/etc/systemd/system/vm@$1.service.d/after.conf other
    [[ -e $drop_in ]] || return 0
    while read -r other; do
        if ! running "$other" || [[ $(created "$other") -ge $(created "$1") ]]; then
            return 1
        fi
    done < <(grep '^After=' "$drop_in" | grep -oP 'vm@\K[^ ]+(?=\.service)')
}

# The VMs of the tree itself, as they were generated.
vms_of_the_tree() {
    local name names
    mapfile -t names <"$judge/vms-of-the-tree"
    for name in "${names[@]}"; do
        mkdir -p "$judge/flags/$name"
        if [[ -e $roots_path/$name.nfs || -e $roots_path/$name.iscsi ]]; then
            start "vm_mount@$name"
            check "$name: its root is mounted" is_mounted "$name"
        fi
    done
    for name in "${names[@]}"; do
        start "vm@$name"
        check "$name: it runs" running "$name"
        check "$name: the VMs it comes after were first" came_after "$name"
        if [[ -e $roots_path/$name.iscsi ]]; then
            check "$name: login, umount, create" in_order "$name" login "umount .* done 0" "xl create"
        else
            check "$name: no iSCSI" never "$name" iscsiadm
        fi
    done
    for name in "${names[@]}"; do
        stop "vm@$name"
    done
}

# Left running for the shutdown, which run.sh looks at from outside.
before_shutdown() {
    vm final-iscsi iscsi shutdown-delay=0.5
    vm final-nfs nfs
    vm final-mount iscsi
    start vm@final-iscsi
    start vm@final-nfs
    start vm_mount@final-mount
}
