#!/bin/bash
# setup.sh [DIR]: builds the judges in DIR, target/judges unless told otherwise.
#
# In:  Debian 12's packages of Xen and dracut, through apt-get download; gcc.
# Out: DIR/bin/{xl-judge,xlu-dump,dracut-cmdline} and what they need
#      DIR/root       the packages, unpacked; nothing is installed
#      DIR/versions   the packages and their versions, one per line
# Needs no root.  Does nothing when DIR is up to date with the sources here.
set -euo pipefail
export LC_ALL=C

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
dir=${1:-$here/../../../target/judges}

xen_packages=(
    xen-utils-4.17 xen-utils-common libxen-dev libxenmisc4.17
    libxencall1 libxendevicemodel1 libxenevtchn1 libxenforeignmemory1
    libxengnttab1 libxenhypfs1 libxenstore4 libxentoolcore1 libxentoollog1
    libyajl2
)
dracut_packages=(dracut dracut-core dracut-network)
guest_packages=(ifupdown)
dracut_version=059

fail() {
    printf 'setup.sh: %s\n' "$*" >&2
    exit 1
}

check_tools() {
    local tool
    for tool in apt-get dpkg dpkg-deb gcc python3 sed sha256sum flock; do
        command -v "$tool" > /dev/null || fail "$tool is missing"
    done
    gcc -E -x c - <<< '#include <stdio.h>' > /dev/null 2>&1 \
        || fail "the C headers are missing (Debian's package libc6-dev)"
    python3 -c 'import sys; sys.exit(sys.version_info < (3, 9))' \
        || fail "python3 is older than 3.9"
}

# The state of the sources, to be compared with the one that DIR was built of.
sources_state() {
    cd -- "$here"
    sha256sum setup.sh judge_report.py xl/* dracut/*
}

# Downloads the packages and unpacks them into DIR/root.
fetch_packages() {
    local wanted="${xen_packages[*]} ${dracut_packages[*]} ${guest_packages[*]}" deb version
    [[ -f root/.complete && $(< root/.complete) == "$wanted" ]] && return

    rm -rf debs root versions
    mkdir debs root
    # As root, apt would otherwise complain that its own user cannot write here.
    (cd debs && apt-get -q -o APT::Sandbox::User=root download \
        "${xen_packages[@]}" "${dracut_packages[@]}" "${guest_packages[@]}") \
        || fail "apt-get could not download the packages of Xen 4.17 and dracut;" \
            "they are Debian 12's, and apt-get update may have to be run first"
    for deb in debs/*.deb; do
        dpkg -x "$deb" root
        # shellcheck disable=SC2016 # dpkg-deb fills these in
        dpkg-deb --show --showformat '${Package} ${Version}\n' "$deb" >> versions
    done
    version=$(sed -n 's/^dracut-core //p' versions)
    [[ $version == "$dracut_version"[-+~]* ]] \
        || fail "apt offers dracut $version, the judge knows $dracut_version only"
    rm -rf debs
    printf '%s\n' "$wanted" > root/.complete
}

# Installs a Python program with the interpreter that was found, as a wrapper
# in the PATH (pyenv's, say) can be ten times slower to start.
install_python() {
    local interpreter
    interpreter=$(python3 -c 'import sys; print(sys.executable)')
    [[ $interpreter == *[[:space:]]* ]] && interpreter='/usr/bin/env python3'
    sed "1s|.*|#!$interpreter|" "$here/$1" > "$2"
    chmod +x "$2"
}

build_xl() {
    local lib flags
    lib=$(dirname root/usr/lib/*/libxenlight.so)
    flags=(-std=gnu11 -O1 -Wall -Wextra -isystem root/usr/include)

    ln -s "../$lib" libexec/lib
    ln -s ../root/usr/lib/xen-4.17/bin/xl libexec/xl
    gcc "${flags[@]}" -fPIC -shared -o libexec/xl-preload.so \
        "$here"/xl/{host,witness,keys}.c -ldl
    # The old kind of search path also holds for the libraries' libraries.
    gcc "${flags[@]}" -o bin/xlu-dump "$here"/xl/{xlu-dump,keys}.c \
        -L "$lib" -lxlutil -lxenlight -Wl,-rpath-link,"$lib" \
        -Wl,--disable-new-dtags -Wl,-rpath,"\$ORIGIN/../libexec/lib"
    install_python xl/xl-judge.py bin/xl-judge
    LD_LIBRARY_PATH=libexec/lib ldd libexec/xl | grep 'not found' >&2 \
        && fail "xl wants libraries that this machine does not have"
    return 0
}

# Copies a script of dracut's, with the paths it uses on an initrd's root file
# system made relative to the current directory.
copy_script() {
    local tops='dracut-state\.sh|(etc|lib|proc|run|sbin|sys|tmp|usr|var)/'
    sed -E -e "s#(^|[[:space:]\"'=(])/($tops)#\1./\2#g" \
        -e "s#\"/(\\\$_dir|\\\$1)\"#\"./\1\"#g" \
        "root/usr/lib/dracut/modules.d/$1" > "initrd/$2"
}

# Lays the part of an initrd out that reads the command line: dracut's library
# and, as its modules ask for it, the hooks with their priorities.
build_initrd() {
    local module priority script tool
    # shellcheck disable=SC2016 # the scripts have these dollar signs, too
    local hook='s|.*inst_hook cmdline ([0-9]+) "\$moddir/(.+)"|\1 \2|p'

    mkdir -p initrd/{bin,dev,etc/cmdline.d,proc/sys/kernel,run,sbin,sys/class/net,tmp,var/lib} \
        initrd/lib/dracut/hooks/{cmdline,emergency,initqueue/finished}

    copy_script 98dracut-systemd/dracut-cmdline.sh sbin/dracut-cmdline
    copy_script 99base/dracut-lib.sh lib/dracut-lib.sh
    copy_script 99base/dracut-dev-lib.sh lib/dracut-dev-lib.sh
    copy_script 40network/net-lib.sh lib/net-lib.sh
    copy_script 95nfs/nfs-lib.sh lib/nfs-lib.sh
    sed -i 's/^ip_to_var()/dracut_ip_to_var()/' initrd/lib/net-lib.sh
    grep -q '^dracut_ip_to_var()' initrd/lib/net-lib.sh \
        || fail "dracut's net-lib.sh does not have ip_to_var where it is expected"

    for module in 35network-legacy 40network 95nfs 95rootfs-block; do
        while read -r priority script; do
            copy_script "$module/$script" \
                "lib/dracut/hooks/cmdline/$priority-$script"
        done < <(sed -nE "$hook" \
            "root/usr/lib/dracut/modules.d/$module/module-setup.sh")
    done
    [[ -f initrd/lib/dracut/hooks/cmdline/98-parse-ip-opts.sh ]] \
        || fail "dracut's modules do not name their hooks as expected"

    printf '(none)\n' > initrd/proc/sys/kernel/hostname
    cp "$here/dracut/initrd.sh" initrd/
    for tool in cat chmod expr ln mkdir mv readlink rm sed; do
        ln -s "$(type -P "$tool")" initrd/bin/
    done
    # One program under two names, as dracut installs it.
    cp root/usr/lib/dracut/dracut-util initrd/bin/dracut-getarg
    cp root/usr/lib/dracut/dracut-util initrd/bin/dracut-getargs
    install_python dracut/dracut-cmdline.py bin/dracut-cmdline
}

mkdir -p -- "$dir" || fail "cannot make $dir"
state=$(sources_state)
cd -- "$dir"
exec {lock}> .lock
flock "$lock"       # one set-up at a time
[[ -f .built && $(< .built) == "$state" ]] && exit

check_tools
fetch_packages
rm -rf .built bin libexec initrd
mkdir bin libexec
build_xl
build_initrd
cp "$here/judge_report.py" libexec/
printf '%s\n' "$state" > .built
printf 'setup.sh: the judges are in %s/bin\n' "$PWD"
