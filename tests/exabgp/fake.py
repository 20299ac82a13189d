"""A program that stands in for a Python that runs ExaBGP: it hands over a pipe, then behaves as it is told.

Called as ExaBGP is (`-m exabgp --env-file ENV server CONF`) or as the trial of a Python is (`-c CODE`). The
folder of CONF holds `behaviour`, a word for each start (the last one for all further ones), and gets `lives`:
a line for each start and its end.
"""

from __future__ import annotations

import fcntl
import os
import re
import socket
import sys
import time
from pathlib import Path


def main() -> None:
    if "-c" in sys.argv:
        return
    folder = Path(sys.argv[-1]).parent
    lock = (folder / "lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        tell(folder, "two at once")
    earlier = (folder / "lives").read_text().count("started") if (folder / "lives").exists() else 0
    behaviours = (folder / "behaviour").read_text().split()
    behaviour = behaviours[min(earlier, len(behaviours) - 1)]
    tell(folder, f"started {os.getpid()} {behaviour}")
    if behaviour == "fails":
        sys.exit("no such neighbour")
    found = re.search(r"run .* (\S+);", Path(sys.argv[-1]).read_text())
    assert found is not None
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as arm:
        arm.connect(found[1])
        if behaviour == "empty":
            arm.send(b"pipe")
            time.sleep(60)
        commands, ours_out = os.pipe()
        ours_in, answers = os.pipe()
        socket.send_fds(arm, [b"pipe"], [ours_in, ours_out])
        os.close(ours_in)
        os.close(ours_out)
        live(behaviour, commands, answers)


def live(behaviour: str, commands: int, answers: int) -> None:
    while True:
        if behaviour == "crashes":
            sys.exit("out of memory")
        if behaviour == "silent":
            os.read(commands, 65536)
        elif behaviour == "deaf":  # reads nothing, and has the whole time something to say
            os.write(answers, b'{"type": "keepalive"}\n')
            time.sleep(0.05)
        elif behaviour == "stuck":  # reads nothing, says nothing
            time.sleep(60)
        else:
            read = os.read(commands, 65536)
            if not read:
                return
            for line in read.decode().splitlines():
                for word in ["exabgp 5.0", "done"] if line == "version" else ["done"]:
                    for piece in (word[:3], word[3:] + "\n"):  # ARM must not mind how they are cut
                        os.write(answers, piece.encode())
                        time.sleep(0.002)


def tell(folder: Path, text: str) -> None:
    with (folder / "lives").open("a") as lives:
        lives.write(text + "\n")


if __name__ == "__main__":
    main()
