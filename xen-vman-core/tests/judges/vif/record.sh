#!/bin/bash
# record.sh SCRIPT SCRIPTS COMMAND LOG VIF MAIN_IP ADDRESSES: runs a network script beside a
# copy of Xen's own in SCRIPTS, with stand-ins for ip and xenstore. LOG gets every `ip` command that changes something; questions are
# answered as on a host whose default route has the source address MAIN_IP.
set -euo pipefail
script=$1 scripts=$2 command=$3 log=$4 vif=$5 main_ip=$6 addresses=$7

bin=$(mktemp -d)
trap 'rm -rf "$bin"' EXIT

cat >"$bin/ip" <<END
#!/bin/bash
case " \$* " in
    *" route show default "*) echo "default via 192.0.2.254 dev enp3s0f0 src $main_ip" ;;
    *" show "*) ;;
    *) echo "ip \$*" >>'$log' ;;
esac
END
cat >"$bin/xenstore-read" <<END
#!/bin/bash
for path; do
    case \$path in
        */ip) echo '$addresses' ;;
        */vifname | */mtu) exit 1 ;;
        */type) echo vif ;;
        *) echo stand-in ;;
    esac
done
END
for tool in xenstore-write xenstore-rm logger iptables; do
    printf '#!/bin/sh\n' >"$bin/$tool"
done
chmod +x "$bin"/*

# Xen's scripts put their own folders first in PATH, and their log where only root may write.
cp -r "$scripts" "$bin/scripts"
cp "$script" "$bin/scripts/script"
echo "bindir='$bin'" >>"$bin/scripts/hotplugpath.sh"
sed -i "s|/var/log/xen/xen-hotplug.log|$bin/xen-hotplug.log|" "$bin/scripts/xen-hotplug-common.sh"

: >"$log"
export XENBUS_PATH=backend/vif/1/0 vif="$vif" type_if=vif
"$bin/scripts/script" "$command" type_if=vif || {
    cat "$bin/xen-hotplug.log"
    exit 1
}
