# shellcheck shell=bash
# What may become of disks and roots; to be sourced, inside of the container, after apply.sh.
# shellcheck disable=SC2154 # set where the stand-ins begin

# define NAME [LINE...]: one VM more in the definition.
defined=0
define() {
    local name=$1
    shift
    defined=$((defined + 1))
    printf '%s\n' '[[vms]]' 'org = "org"' 'os = { type = "debian", version = "12" }' "name = \"$name\"" \
        'boot_after_creation = false' "interfaces = [{ ip = \"10.0.0.$((100 + defined))/24\" }]" "$@" >>host.toml
}

disk=/dev/judge-disk
[[ -e $disk ]] || mknod "$disk" b 7 "$(cat "$judge/disks/org-block")"

digest() {
    sha256sum "$disk" | cut -d' ' -f1
}

# Puts a signature that wipefs(8) knows onto an empty disk.
sign() {
    blkdiscard --zeroout "$disk"
    case $1 in
        ext4)
            mkfs.ext4 -q -F "$disk"
            mount "$disk" /mnt
            echo "somebody's" >/mnt/thesis.tex
            umount /mnt
            ;;
        *) python3 - "$1" "$disk" ;;
    esac <<'PYTHON'
import struct, sys, zlib
kind, path = sys.argv[1:]
if kind == "LVM2_member":
    body = struct.pack("<I8s32s", 32, b"LVM2 001", b"a" * 32).ljust(512 - 20, b"\0")
    crc = zlib.crc32(body, 0xF597A6CF ^ 0xFFFFFFFF) ^ 0xFFFFFFFF
    place, sector = 512, b"LABELONE" + struct.pack("<QI", 1, crc) + body
else:
    entry = bytes([0, 0, 2, 0, 0x83, 0, 10, 0]) + struct.pack("<II", 8, 2000)
    place, sector = 0, b"\0" * 446 + entry + b"\0" * 48 + b"\x55\xaa"
with open(path, "r+b") as disk:
    disk.seek(place)
    disk.write(sector)
PYTHON
    check "wipefs sees $1" grep -q "$1" <(wipefs --json "$disk")
}

disks_of_others() {
    define block 'storage_type = "iscsi"' 'reinstall = false'
    local kind before
    for kind in ext4 LVM2_member dos; do
        sign "$kind"
        before=$(digest)
        cli 2 apply host.toml
        says "org-block"
        says "nothing was changed"
        check_same "nothing on a disk with $kind is changed" "$before" "$(digest)"
        nothing_left
    done
    check_same "and it is told again" 3 "$(xen-vman-cli plan host.toml --detailed-exitcode >/dev/null 2>&1; echo $?)"
}

target_that_refuses() {
    mkdir -p "$judge/flags/org-block"
    touch "$judge/flags/org-block/target-refuses"
    cli 2 apply host.toml
    says "login to iqn.2017-01.de.example:org-block at"
    says "journalctl -u vm_iscsi_session@org-block.service"
    rm "$judge/flags/org-block/target-refuses"
    nothing_left
}

install_onto_a_disk() {
    blkdiscard --zeroout "$disk"
    : >"$judge/log.before"
    cp "$judge/log" "$judge/log.before"
    # There is a session already: iscsiadm says 15, which is fine.
    : >"$judge/sessions/iqn.2017-01.de.example:org-block"
    cli 0 apply host.toml
    local log
    log=$(tail -n +"$(($(wc -l <"$judge/log.before") + 1))" "$judge/log" | cut -d' ' -f2-)
    check_same "one login, then debootstrap, then one logout" \
        "iscsiadm org-block login, debootstrap, iscsiadm org-block logout" \
        "$(grep -oE 'iscsiadm org-block (login|logout)|^debootstrap' <<<"$log" | paste -sd, | sed 's/,/, /g')"
    mount -o ro "$disk" /mnt
    check_same "hostname on the disk" org-block "$(cat /mnt/etc/hostname)"
    check "its fstab names the disk" grep -q xvda /mnt/etc/fstab
    check "the disk has keys" test -s /mnt/home/admin/.ssh/authorized_keys
    umount /mnt
    nothing_left
    cli 0 plan host.toml --detailed-exitcode
}

disk_without_a_session() {
    change 'reinstall = false' 'reinstall = "again"'
    # It goes away while debootstrap works: iscsiadm says 21 at logout, which is fine.
    mkdir -p "$judge/flags/debootstrap"
    touch "$judge/flags/debootstrap/fails"
    cli 2 apply host.toml --yes
    says "pretended failure"
    rm "$judge/flags/debootstrap/fails"
    rm -f "$judge/sessions/iqn.2017-01.de.example:org-block"
    touch "$judge/flags/debootstrap/slow"
    killed_in_debootstrap
    check_same "the session ends with the one that opened it" inactive \
        "$(systemctl is-active vm_iscsi_session@org-block)"
    rm "$judge/flags/debootstrap/slow"
    cli 0 apply host.toml
    cli 0 plan host.toml --detailed-exitcode
    nothing_left
}

hostile_root() {
    mkdir -p "$exports/trap-root" "$judge/outside/home" "$judge/flags/debootstrap"
    echo untouched >"$judge/outside/resolv.conf"
    local before
    before=$(find "$judge/outside" /etc/passwd /etc/hosts /etc/fstab /etc/sudoers.d -printf '%p %i %T@ %s\n' | sort)
    touch "$judge/flags/debootstrap/hostile"
    define trap
    cli 0 apply host.toml
    rm "$judge/flags/debootstrap/hostile"
    check_same "nothing outside of the root is touched" "$before" \
        "$(find "$judge/outside" /etc/passwd /etc/hosts /etc/fstab /etc/sudoers.d -printf '%p %i %T@ %s\n' | sort)"
    check_same "no target of a link is made" "" "$(ls -d "$judge/nowhere" 2>/dev/null)"
    check "a device at the path of a file is replaced" test -f "$exports/trap-root/etc/hosts"
    check "a pipe at the path of a file is replaced" test -f "$exports/trap-root/etc/fstab"
    check "links lead inside" test -s "$exports/trap-root/judge/nowhere/admin"
    check_same "keys are the user's" "1000:1000 600" \
        "$(stat -c '%u:%g %a' "$exports/trap-root/judge/outside/home/admin/.ssh/authorized_keys")"
    nothing_left

    # Where the root is erased, what links lead to is not.
    ln -sfn /judge/outside "$exports/trap-root/.xen-vman-installing.json"
    ln -sfn /judge/outside "$exports/trap-root/var/lib/xen-vman/link"
    sed -i 's/^name = "trap"/name = "trap"\nreinstall = "r1"/' host.toml
    cli 0 apply host.toml --yes
    check_same "nothing outside of an erased root is touched" "$before" \
        "$(find "$judge/outside" /etc/passwd /etc/hosts /etc/fstab /etc/sudoers.d -printf '%p %i %T@ %s\n' | sort)"
    check_same "the erased root is new" "org-trap" "$(cat "$exports/trap-root/etc/hostname")"
    nothing_left
}

# Another machine that can write to an export while a guest is installed on it gets nothing of the host.
evil_root() {
    mkdir -p "$exports/evil-root" "$judge/flags/debootstrap"
    touch "$judge/flags/debootstrap/evil"
    define evil
    cli 0 apply host.toml
    rm "$judge/flags/debootstrap/evil"
    check "the guest's program has run" test -e "$exports/evil-root/tried"
    check_same "it got nothing of the host" "" "$(cat "$exports/evil-root/got" 2>/dev/null)"
    check "and what it was called for is done" grep -q '^admin:' "$exports/evil-root/etc/passwd"
    nothing_left
}

passwords() {
    local password=hunter2-tell-nobody
    mkdir -p "$exports/seen-root"
    define seen 'type = "hvm"' 'storage_type = "lvm"' 'disks = ["phy:/dev/vg0/seen,xvda,w"]' 'spice = true' \
        'spicehost = "127.0.0.1"' "spicepasswd = \"$password\""
    xen-vman-cli plan host.toml --diff --steps >"$judge/said" 2>&1
    xen-vman-cli plan host.toml --json --out "$judge/seen.plan" >>"$judge/said" 2>&1
    strace -f -qq -s 4096 -e trace=execve -o "$judge/argv" xen-vman-cli apply --no-preflight host.toml --json >>"$judge/said" 2>&1 ||
        echo "FAILED apply with a password"
    [[ -e /etc/xen/vms/org-seen.cfg ]] || cat "$judge/said"
    check "the password is in the configuration" grep -q "$password" /etc/xen/vms/org-seen.cfg
    sed -i "s/$password/$password-2/" host.toml
    xen-vman-cli plan host.toml --diff >>"$judge/said" 2>&1
    xen-vman-cli apply --no-preflight host.toml >>"$judge/said" 2>&1
    systemctl start vm@org-seen
    xen-vman-cli status --file host.toml --json >>"$judge/said" 2>&1
    journalctl --sync
    journalctl >"$judge/journal.so-far"
    check_same "no plan, event, argument or journal has the password" "" \
        "$(grep -l "$password" "$judge"/{said,argv,seen.plan,journal.so-far} /var/lib/xen-vman/logs/* \
            /var/lib/xen-vman/generations/*/journal.jsonl 2>/dev/null)"
    check_same "no file that others may read has it" "" \
        "$(find /etc /var/lib /run /usr/local -xdev -type f -perm /o+r -exec grep -l "$password" {} + 2>/dev/null)"
    xen-vman-cli rollback >"$judge/said" 2>&1
    check "rollback does not say it either" not grep -q "$password" "$judge/said"
}

# Leaves out the VMs that are installed on empty exports.
no_others() {
    rm -f "$judge/flags/debootstrap"/*
    sed -i '/^# Its export is empty/,$d' host.toml
}

images=/srv/judge-images

# install_half TOKEN: with a data disk, which is made with it.
install_half() {
    mkdir -p "$exports/half-root" "$images"
    sed -i "1i file_dir = \"$images\"" host.toml
    define half "reinstall = \"$1\"" '[[vms.volumes]]' 'name = "swap"' 'storage_type = "file"' 'size = "8M"' \
        'filesystem = "swap"'
    cli 0 apply host.toml --yes
}

# The data disk is made again with the next apply.
without_image() {
    rm -f "$images"/* /var/lib/xen-vman/guests/org-half@*
}

# Whatever has failed before, nothing is left of it, and the next apply finishes.
half_recovers() {
    nothing_left
    cli 0 apply host.toml --yes
    cli 0 plan host.toml --detailed-exitcode
    is_installed half
    check_same "its data disk is whole, and nothing else is there" "org-half-swap.img 8388608" \
        "$(cd "$images" && stat -c '%n %s' -- * .[!.]* 2>/dev/null)"
    check "its data disk is swap space" grep -q swap <(wipefs --json "$images/org-half-swap.img")
}

# Each program that an installation runs fails once, at one call after the other.
failing_programs() {
    local program real call tried=0
    no_others
    define block 'storage_type = "iscsi"' 'reinstall = "r0"'
    install_half r0
    for program in systemctl systemd-run mount umount bwrap mkfs.ext4 wipefs sync find unshare install truncate mv mkswap; do
        for ((call = 1; call < 20; call++)); do
            without_image
            sed -i "s/^reinstall = .*/reinstall = \"${program%.*}-$call\"/" host.toml
            echo "$call" >"$judge/fails-at"
            real=$(PATH=/usr/sbin:/usr/bin:/sbin:/bin command -v "$program")
            [[ $program != bwrap ]] || real=$judge/stand-ins/bwrap
            rm -f "/usr/local/sbin/$program"
            sed "s|@PROGRAM@|$real|" "$judge/stand-ins/failing" >"/usr/local/sbin/$program"
            chmod +x "/usr/local/sbin/$program"
            xen-vman-cli apply --no-preflight host.toml --yes >"$judge/said" 2>&1
            rm "/usr/local/sbin/$program"
            [[ $program != bwrap ]] || ln -s "$real" /usr/local/sbin/bwrap
            [[ $(cat "$judge/fails-at") -lt 1 ]] || break
            tried=$((tried + 1))
            half_recovers
        done
    done
    echo "# $tried calls of programs failed"
    check "many calls were tried" test "$tried" -gt 25
}

# An installation is killed, or fails, in the middle of system calls: its own, and those of the programs that it
# runs. strace(1) counts them for each process. `failing_calls` in the file tree is how many of each are tried.
failing_calls() {
    local call what number most step round tried=0
    no_others
    install_half c0
    for call in openat openat2 renameat unlinkat mkdirat fsync write fchmod mount clone execve; do
        sed -i "s/^reinstall = .*/reinstall = \"count-$call\"/" host.toml
        without_image
        strace -f -qq -o "$judge/calls" -e "trace=$call" xen-vman-cli apply --no-preflight host.toml --yes \
            >"$judge/said" 2>&1 || echo "FAILED to count $call: $(cat "$judge/said")"
        most=$(awk '{ if (++calls[$1] > most) most = calls[$1] } END { print most + 0 }' "$judge/calls")
        step=$((most / failing_calls + 1))
        for ((number = 1; number <= most; number += step)); do
            for what in signal=KILL error=EIO; do
                sed -i "s/^reinstall = .*/reinstall = \"$call-${what#*=}-$number\"/" host.toml
                without_image
                strace -f -qq -o /dev/null -e "trace=$call" -e "inject=$call:$what:when=$number" \
                    xen-vman-cli apply --no-preflight host.toml --yes >"$judge/said" 2>&1
                check "$call $what $number: no panic" not grep -q panicked "$judge/said"
                tried=$((tried + 1))
                for ((round = 0; round < 50; round++)); do
                    pgrep -f 'xen-vman-cli|debootstrap' >/dev/null || break
                    sleep 0.1
                done
                half_recovers
            done
        done
    done
    echo "# $tried system calls failed"
    check "many calls were tried" test "$tried" -gt 40
}

# What a root holds, without what depends on its name and on when it was made.
contents() {
    (cd "$1" && find . -xdev -path ./lost+found -prune -o -path './var/log/*' -prune -o -path './var/cache/*' -prune \
        -o -path './var/lib/systemd/catalog/*' -prune -o -path './dev/*' -prune -o -printf '%p %y %m %U %G\n' | sort)
}

real_debootstrap() {
    mkdir -p "$exports/real-root" "$judge/flags/debootstrap"
    touch "$judge/flags/debootstrap/real"
    sed -i '1i debootstrap_packages = ["ifupdown", "sudo", "openssh-server"]' host.toml
    # Only what is installed for real.
    sed -i '/^# Its export is empty/,$d' host.toml
    define real
    define block 'storage_type = "iscsi"' 'reinstall = "real"'
    sed -i 's/^name = "block"/name = "block"\nauto_install = false/; s/^reinstall = "real"/reinstall = false/' host.toml
    setsid xen-vman-cli apply --no-preflight host.toml >/dev/null 2>&1 &
    local apply=$! round
    for ((round = 0; round < 1200; round++)); do
        [[ ! -e $exports/real-root/var/lib/dpkg/status || $(wc -l <"$exports/real-root/var/lib/dpkg/status") -lt 200 ]] || break
        sleep 0.1
    done
    check "debootstrap is in the middle of it" test -d "$exports/real-root/debootstrap"
    kill -KILL "$apply"
    wait "$apply" 2>/dev/null
    sleep 1
    nothing_left
    cli 0 apply host.toml
    is_installed real
    nothing_left
    # The other one is not interrupted.
    blkdiscard --zeroout "$disk"
    sed -i '/^auto_install = false/d' host.toml
    cli 0 apply host.toml
    nothing_left
    mount -o ro "$disk" /mnt
    # On NFS the network must stay until the end.
    check_same "a root that was interrupted is like one that was not" "" \
        "$(diff <(contents /mnt) <(contents "$exports/real-root") | grep '^[<>]' | grep -v networking.service.d)"
    umount /mnt
    check "sudo takes what we wrote" chroot "$exports/real-root" visudo --check --quiet
    check "the user may use it" grep -q NOPASSWD <(chroot "$exports/real-root" sudo -l -U admin)
    check "the link to resolv.conf is replaced" test -f "$exports/real-root/etc/resolv.conf"
    check "ifupdown reads the network" chroot "$exports/real-root" ifquery --list --all
    cli 0 plan host.toml --detailed-exitcode
}
