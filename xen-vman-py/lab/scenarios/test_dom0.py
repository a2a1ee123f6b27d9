"""The laboratory itself: Xen runs, nothing outside can be reached, and a run that is killed leaves nothing running."""

import pathlib
import signal
import socket
import subprocess
import sys

from xenlab import machine
from xenlab.trees import XEN

# A run that says where its machine is, and then waits.
RUN = """
from xenlab import machine
with machine.fresh() as dom0:
    dom0.resume(machine.booted())
    print(dom0.place, flush=True)
    input()
"""


def test_dom0(lab):
    with lab.step("Xen runs, without guests, and nothing has failed"):
        assert XEN in lab.run("xl info xen_version")
        assert lab.run("xl list | wc -l") == "2"
        assert lab.run("systemctl --failed --no-legend") == ""
    with lab.step("nothing outside can be reached, not even the machine that this runs on"):
        # Without restriction, that machine would be 10.0.2.2.
        with socket.create_server(("127.0.0.1", 0)) as outside:
            port = outside.getsockname()[1]
            socket.create_connection(("127.0.0.1", port)).close()
            assert lab.succeeds("nc -z -w 3 10.77.0.1 22")
            lab.fails(f"nc -z -w 3 10.0.2.2 {port}")
        lab.fails("nc -z -w 3 8.8.8.8 53")
        lab.fails("getent hosts deb.debian.org")
    with lab.step("a run that is killed takes its machine with it"):
        with subprocess.Popen(
            [sys.executable, "-c", RUN],
            cwd=pathlib.Path(machine.__file__).parents[1],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as other:
            place = pathlib.Path(other.stdout.readline().strip())
            assert any("qemu-system" in found for found in machine.left_by(place))
            other.send_signal(signal.SIGKILL)
        # Its files go at the end of this run.
        lab.until("end of its processes", lambda: machine.left_by(place) == [str(place)], 30)
