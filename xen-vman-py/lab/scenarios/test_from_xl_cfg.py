"""The tutorial "From hand-written xl.cfg files", as printed: a tiny guest that runs is taken over."""

from xenlab import tiny, tutorial

MAPPING = {
    "/boot/vmlinuz-6.1.0-49-amd64": tiny.KERNEL,
    "/boot/initrd.img-6.1.0-49-amd64": tiny.INITRD,
    # dom0 has less than that.
    "memory  = 1024": f"memory  = {tiny.MEMORY_MIB}",
    "memory = 1024": f"memory = {tiny.MEMORY_MIB}",
}


def test_from_xl_cfg(lab):
    with lab.step("nothing of ours is on the host, which has a bridge and a disk as the page has them"):
        tutorial.clear(lab, tutorial.HOST)
        lab.run("ip link add xenbr0 type bridge && ip link set xenbr0 up")
        lab.run("truncate --size 16M /root/disk && mkdir /dev/vg0 && ln -s $(losetup --find --show /root/disk) /dev/vg0/web")
    domids = []

    # Its disk holds nothing that boots.
    def start_db():
        domids.append(lab.run("xl domid web"))
        assert "web  yes      yes      yes, restart it" in lab.run("xen-vman-cli status")

    with lab.step("the page"):
        tutorial.follow(lab, "from-xl-cfg", MAPPING, start_db=start_db)
    with lab.step("the VM runs as before, and its unit shuts it down"):
        assert domids == ["1"], "it was never restarted"
        lab.run("systemctl stop vm@web")
        assert lab.result("web") == "success"
        assert lab.run("xl list | wc -l") == "2"
