"""The tiny guest itself: what other scenarios count on, in less than a minute."""

from xenlab import tiny


def test_tiny(lab):
    lab.define("", tiny.vm("one", 41, "boot_after_creation = false"))
    before = lab.run("ls /sys/class/net")
    with lab.step("there is nothing to install"):
        lab.cli("apply")
        lab.cli("plan")
    with lab.step("it starts, and answers"):
        lab.run("systemctl start vm@lab-one")
        lab.tiny_up(41)
        assert lab.tiny(41, "hostname") == "one"
    with lab.check("it has the memory and the address of its definition"):
        assert int(lab.tiny(41, "awk '/^MemTotal/ { print $2 }' /proc/meminfo")) < tiny.MEMORY_MIB * 1024
        assert "10.77.0.41/24" in lab.tiny(41, "ip address show dev eth0")
        lab.ping("10.77.0.41", seconds_max=30)
    with lab.step("it is shut down, and nothing is left"):
        lab.run("systemctl stop vm@lab-one")
        assert lab.result("lab-one") == "success"
        assert lab.run("xl list | wc -l") == "2"
        assert lab.run("ls /sys/class/net") == before
