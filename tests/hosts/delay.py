"""``python -m tests.hosts.delay PORT MS DONE``: what comes from a port of the bridge comes later.

Stands between the port and the bridge and hands on each frame, as netem would, which not every
kernel has. A byte is written to the descriptor ``DONE`` when it is in place; SIGTERM ends it, and
the port is left outside of the bridge.
"""

import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from types import FrameType

_ALL_PROTOCOLS = 3  # ETH_P_ALL
_SOL_PACKET = 263
#: Frames come with the kernel's notes on what their sender left to the hardware: checksums, and
#: cutting into packets. They are handed on with the frame, or the receiver would drop it.
_PACKET_VNET_HDR = 15
_PACKET_IGNORE_OUTGOING = 23
_NOTE_AND_FRAME = 10 + 64 * 1024 + 256
_BUFFER = 16 * 1024 * 1024


class _Ended(Exception):
    pass


def main() -> int:
    port, delay_ms, done = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    signal.signal(signal.SIGTERM, _end)
    near, far = f"{port[:10]}-near", f"{port[:10]}-far"
    _ip(f"link add {near} type veth peer name {far}", f"link set {near} up", f"link set {far} up")
    try:
        from_host, from_bridge = _tap(port), _tap(near)
        _ip(f"link set {port} nomaster", f"link set {far} master bridge")
        os.write(done, b"1")
        _hand_on(from_host, from_bridge, delay_ms / 1000)
    except _Ended:
        return 0
    finally:
        _ip(f"link del {near}")
    return 1


def _hand_on(host: socket.socket, bridge: socket.socket, delay_s: float) -> None:
    waiting: deque[tuple[float, bytes]] = deque()
    while True:
        first = max(0.0, waiting[0][0] - time.monotonic()) if waiting else None
        readable, _, _ = select.select([host, bridge], [], [], first)
        if host in readable:
            waiting.append((time.monotonic() + delay_s, host.recv(_NOTE_AND_FRAME)))
        if bridge in readable:
            host.send(bridge.recv(_NOTE_AND_FRAME))
        while waiting and waiting[0][0] <= time.monotonic():
            bridge.send(waiting.popleft()[1])


def _tap(interface: str) -> socket.socket:
    made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    made.setsockopt(_SOL_PACKET, _PACKET_VNET_HDR, 1)
    made.setsockopt(_SOL_PACKET, _PACKET_IGNORE_OUTGOING, 1)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
    made.bind((interface, _ALL_PROTOCOLS))
    return made


def _ip(*lines: str) -> None:
    subprocess.run(["ip", "-batch", "-"], input="\n".join(lines), text=True, check=True)


def _end(number: int, frame: FrameType | None) -> None:
    raise _Ended


if __name__ == "__main__":
    sys.exit(main())
