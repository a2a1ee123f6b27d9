#!/bin/bash
# selftest.sh DIR: shows that the judges in DIR can say no as well as yes.
#
# In:  DIR as setup.sh leaves it.
# Out: one line for each case that failed; last, "N passed, N failed".
# Exit status: 0 when none failed.
set -euo pipefail
export LC_ALL=C

(($# == 1)) || {
    echo 'usage: selftest.sh DIR' >&2
    exit 2
}
judges=$(cd -- "$1" && pwd)
python=$(python3 -c 'import sys; print(sys.executable)')
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
passed=0 failed=0

# check NAME CONDITION COMMAND...: runs the command and evaluates a condition,
# a Python expression over `status', its exit status; `lines', the JSON it
# printed; and `j', the first of these.
check() {
    local name=$1 condition=$2 status=0
    shift 2
    "$@" > stdout 2> stderr || status=$?
    if "$python" - "$condition" "$status" << 'PYTHON'; then
import json, sys
lines = [json.loads(line) for line in open("stdout")]
names = {"json": json, "lines": lines, "j": lines[0] if lines else None, "status": int(sys.argv[2])}
sys.exit(not eval(sys.argv[1], names))
PYTHON
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        printf 'FAILED: %s\n' "$name"
        sed 's/^/    /' stdout stderr
    fi
}

# guest NAME [LINE...]: a file for a small PV guest, with more lines at its end.
guest() {
    local file=$1
    shift
    printf '%s\n' 'name = "web01"' 'type = "pv"' 'kernel = "/boot/vmlinuz"' \
        "disk = ['phy:/dev/vg/a,xvda,w']" "$@" > "$file"
}

# ---- xl-judge ----

xl_judge=$judges/bin/xl-judge

guest good.cfg 'uuid = "00000000-1111-2222-3333-444444444444"' 'vcpus = 2' "vif = ['mac=00:16:3e:00:00:01,bridge=br0']"
check 'xl: a good file' \
    'status == j["exit"] == 0 and j["messages"] == j["unread_keys"] == [] and j["file"] == "good.cfg" and j["config"]["c_info"]["name"] == "web01"' \
    "$xl_judge" good.cfg
check 'xl: a good file, shallow' 'status == j["exit"] == 0 and j["config"]' \
    "$xl_judge" --shallow good.cfg

ln -s "$judges/libexec" libexec     # the linker's variables take no odd paths
LD_LIBRARY_PATH=libexec/lib LD_PRELOAD=libexec/xl-preload.so \
    libexec/xl -N create -q good.cfg > dry-run.json
check 'xl: the configuration is the one of its dry run' \
    'j["config"] == json.load(open("dry-run.json"))' \
    "$xl_judge" good.cfg

printf 'name = \n' > syntax.cfg
check 'xl: a syntax error' \
    'status == 0 and j["exit"] > 0 and j["config"] is None and any("syntax error" in m for m in j["messages"])' \
    "$xl_judge" syntax.cfg

printf 'type = "pv"\nkernel = "x"\n' > nameless.cfg
check 'xl: no name' 'j["exit"] > 0 and j["messages"]' "$xl_judge" nameless.cfg

guest unread.cfg 'memry = 512' 'spice = 1'
check 'xl: keys that nothing reads' 'j["exit"] == 0 and j["unread_keys"] == ["memry", "spice"]' \
    "$xl_judge" unread.cfg

guest unit.cfg 'memory = "512MB"'
check 'xl: a number with a unit' \
    'j["exit"] == 0 and any("memory" in m for m in j["messages"])' "$xl_judge" unit.cfg

guest vlan.cfg "vif = ['bridge=br0,vlan=10']"
check 'xl: a vif key that is too new' 'j["exit"] == 0 and j["messages"]' "$xl_judge" vlan.cfg

guest vda.cfg "disk = ['/dev/vg/a,raw,vda,rw']"
check 'libxl: a vdev without a number' \
    'j["exit"] > 0 and "vda" in j["messages"][0] and j["config"]' "$xl_judge" vda.cfg
check 'libxl: not asked when shallow' 'j["exit"] == 0 and not j["messages"]' \
    "$xl_judge" --shallow vda.cfg

guest twice.cfg "disk += ['/dev/vg/b,raw,d0p0,rw']"
check 'libxl: two names for one device' \
    'j["exit"] > 0 and "51712" in j["messages"][0]' "$xl_judge" twice.cfg

guest pool.cfg 'pool = "Pool-7"'
check 'libxl: its own checks' \
    'j["exit"] > 0 and any("Pool-7" in m for m in j["messages"])' "$xl_judge" pool.cfg
guest pool0.cfg 'pool = "Pool-0"'
check 'libxl: its own checks, content' 'j["exit"] == 0 and not j["messages"]' "$xl_judge" pool0.cfg

guest cpus.cfg 'vcpus = 1' 'cpus = "node:1"'
check 'xl: the pretended host' 'j["config"]["b_info"]["vcpu_hard_affinity"] == [[2, 3]]' \
    env XL_JUDGE_CPUS=4 XL_JUDGE_NODES=2 "$xl_judge" cpus.cfg
check 'xl: no second node when nothing is said' \
    'j["exit"] > 0 and "affinity map is empty" in j["messages"][0]' "$xl_judge" cpus.cfg

mkdir 'odd: dir'
odd=$'odd: dir/a=b \xff;\xef\x9e\x80.cfg'
guest "$odd" $'name = "\xc3\xbc\xfe\xef\x9f\xbf"'
check 'xl: odd bytes' \
    'j["exit"] == 0 and j["file"].endswith("a=b \uf7ff;\uf7ef\uf79e\uf780.cfg") and j["config"]["c_info"]["name"] == "\u00fc\uf7fe\uf7ef\uf79f\uf7bf"' \
    "$xl_judge" "$odd"

check 'xl: a file that is not there' \
    'status == 2 and [l["exit"] for l in lines] == [None, 0]' "$xl_judge" missing.cfg good.cfg

printf '%s\n' good.cfg syntax.cfg pool.cfg good.cfg vda.cfg > list
check 'xl: many files keep their order' \
    'status == 0 and [l["file"] for l in lines] == open("list").read().split() and [l["exit"] == 0 for l in lines] == [True, False, False, True, False]' \
    "$xl_judge" --jobs 3 - < list

# ---- xlu-dump ----

xlu_dump=$judges/bin/xlu-dump

printf 'a = 0x1f # one\nb.c_2 = ["x", [1, "y\\n"],]\na += "2"; empty = []\ns = "q = 1"' > values.cfg
check 'libxlutil: values' \
    'status == 0 and j == {"ok": True, "error": None, "values": {"a": "0x1f2", "b.c_2": ["x", ["1", "y\n"]], "empty": [], "s": "q = 1"}}' \
    "$xlu_dump" values.cfg
printf 'a = "\xc3\xbc\xff\xed\xa0\x80"\n' > bytes.cfg
check 'libxlutil: odd bytes' 'j["values"]["a"] == "\u00fc\uf7ff\uf7ed\uf7a0\uf780"' "$xlu_dump" bytes.cfg
check 'libxlutil: the same text from Python' 'j["config"]["c_info"]["name"] == "\u00fc\uf7ff\uf7ed\uf7a0\uf780"' \
    "$xl_judge" <(guest /dev/stdout && sed 's/^a/name/' bytes.cfg)
for refused in 'a = "\\x41"\n' 'a = 1\n# no line end' 'A = 1\n' 'a = -1\n' 'a = 1\r\n'; do
    # shellcheck disable=SC2059 # the escapes are meant
    printf "$refused" > refused.cfg
    check "libxlutil: refuses $refused" \
        'status == 0 and not j["ok"] and j["error"] and j["values"] == {}' "$xlu_dump" refused.cfg
done
printf 'a = "x\0y"\n' > nul.cfg
check 'libxlutil: a text that makes it abort' \
    'status == 0 and [l["ok"] for l in lines] == [False, True] and "Assertion" in j["error"]' \
    "$xlu_dump" nul.cfg values.cfg
check 'xl: the same text' 'status == 0 and j["exit"] == 134' "$xl_judge" nul.cfg
check 'libxlutil: a file that is not there' 'status == 2 and not lines' "$xlu_dump" missing.cfg

# ---- dracut-cmdline ----

dracut() { "$judges/bin/dracut-cmdline" "$@"; }
address=ip=10.0.0.15::10.0.0.1:255.255.255.0:web01:eth0:none

check 'dracut: NFS root with a static address' \
    'status == 0 and j["ok"] and not j["messages"] and j["root"]["handled"] and [j["root"][k] for k in ("type", "server", "path", "options", "rw")] == ["nfs", "10.0.0.5", "/tank/a-root", "", False] and [j["ip"][0][k] for k in ("client", "peer", "gateway", "mask", "hostname", "device", "autoconf")] == ["10.0.0.15", "", "10.0.0.1", "255.255.255.0", "web01", "eth0", "none"]' \
    dracut "root=nfs:10.0.0.5:/tank/a-root $address"
check 'dracut: rw on the command line' 'j["ok"] and j["root"]["rw"] and "-orw,nolock" in j["root"]["mount"]' \
    dracut "root=nfs:10.0.0.5:/tank/a-root $address rw"
check 'dracut: rw among the options, ro on the command line' \
    'j["ok"] and j["root"]["options"] == "vers=4.2,rw" and not j["root"]["rw"]' \
    dracut "root=nfs:10.0.0.5:/tank/a-root:vers=4.2,rw $address ro"
check 'dracut: a static address without none' \
    'not j["ok"] and any("setting client-ip does not make sense for '"'dhcp'"'" in m for m in j["messages"])' \
    dracut 'root=nfs:10.0.0.5:/a ip=10.0.0.15:::255.255.255.0::eth0'
check 'dracut: no netmask' 'not j["ok"] and any("netmask" in m for m in j["messages"])' \
    dracut 'root=nfs:10.0.0.5:/a ip=10.0.0.15::::web01:eth0:none'
check 'dracut: DHCP with a host name' \
    'j["ok"] and not j["messages"] and [j["ip"][0][k] for k in ("hostname", "device", "autoconf")] == ["web01", "eth0", "dhcp"]' \
    dracut 'root=nfs:10.0.0.5:/a ip=::::web01:eth0:dhcp'
check 'dracut: the deprecated way' \
    'j["ok"] and any("deprecated" in m for m in j["messages"]) and j["root"]["path"] == "/a"' \
    dracut 'root=/dev/nfs nfsroot=10.0.0.5:/a,vers=3 ip=dhcp'
check 'dracut: IPv6 in brackets' \
    'j["ok"] and j["ip"][0]["client"] == "fd00::15" and j["root"]["server"] == "[fd00::5]" and j["root"]["path"] == "/a"' \
    dracut 'root=nfs:[fd00::5]:/a ip=[fd00::15]::[fd00::1]:64:web01:eth0:none'
check 'dracut: IPv6 without brackets' \
    'not j["ok"] and j["ip"][0]["client"] == "fd00" and j["root"]["server"] != "fd00::5"' \
    dracut 'root=nfs:fd00::5:/a ip=fd00::15::fd00::1:64:web01:eth0:none'
check 'dracut: the peer is the server' 'j["ok"] and j["root"]["server"] == "10.0.0.5"' \
    dracut 'root=nfs:/a ip=10.0.0.15:10.0.0.5:10.0.0.1:24:web01:eth0:none'
check 'dracut: no server at all' 'not j["ok"] and "server" in j["messages"][0]' \
    dracut "root=nfs:/a $address"
check 'dracut: a path that is not valid' 'not j["ok"] and "valid path" in j["messages"][0]' \
    dracut 'root=nfs:10.0.0.5:tank ip=dhcp'
check 'dracut: a block device' \
    'j["ok"] and not j["messages"] and j["ip"] == [] and [j["root"][k] for k in ("handled", "type", "device", "fstype", "rw")] == [True, "block", "/dev/xvda", "ext4", True]' \
    dracut 'root=/dev/xvda rootfstype=ext4 rw'
check 'dracut: a block device without rw' 'j["ok"] and not j["root"]["rw"]' dracut 'root=/dev/xvda'
check 'dracut: a root it does not know' 'not j["ok"] and not j["root"]["handled"]' dracut 'root=nbd9:x'
check 'dracut: many command lines' '[l["ok"] for l in lines] == [True, False]' \
    dracut - < <(printf '%s\n' 'root=/dev/xvda' 'root=')

# ---- the packages ----

check 'packages: vif-common.sh' 'status == 0' test -f "$judges/root/etc/xen/scripts/vif-common.sh"

printf '%d passed, %d failed\n' "$passed" "$failed"
((failed == 0))
