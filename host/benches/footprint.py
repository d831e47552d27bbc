"""What an agent costs a device that does nothing yet: its size, its memory while it waits, its time from start to first answer.

    python3 host/benches/footprint.py AGENT...

Each program is an `edgefit-agent` of any build. It is started as a transport starts it and greeted; times are medians over fresh
starts, the programs taking turns. It needs nothing but Python.
"""

import os
import re
import statistics
import struct
import subprocess
import sys
import time
import zlib

STARTS = 101
ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")


def greeting():
    """A `Hello` of this version's protocol without a token: length and CRC-32, then postcard."""
    with open(os.path.join(ROOT, "device-agent/protocol/src/handshake.rs"), encoding="utf-8") as source:
        version = int(re.search(r"PROTOCOL_VERSION: u32 = (\d+);", source.read())[1])
    body = b"EDGF" + bytes([version]) + b"\x09footprint" + b"\x00"
    return struct.pack("<II", len(body), zlib.crc32(body)) + body


def start(program, hello):
    """A greeted agent, and the seconds that it took to answer."""
    begun = time.perf_counter()
    agent = subprocess.Popen([program, "--stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    agent.stdin.write(hello)
    agent.stdin.flush()
    length, crc = struct.unpack("<II", agent.stdout.read(8))
    body = agent.stdout.read(length)
    seconds = time.perf_counter() - begun
    # Behind magic and version, 0 is a welcome.
    if zlib.crc32(body) != crc or body[:4] != b"EDGF" or body[5] != 0:
        sys.exit(f"{program} does not welcome a host of this version")
    return agent, seconds


def end(agent):
    agent.stdin.close()
    agent.wait(timeout=10)


def resident_kib(agent):
    """All resident memory, and what of it is the process's own."""
    time.sleep(0.3)
    with open(f"/proc/{agent.pid}/status", encoding="utf-8") as status:
        fields = dict(line.split(":", 1) for line in status)
    return [int(fields[key].split()[0]) for key in ("VmRSS", "RssAnon")]


def main():
    programs = sys.argv[1:]
    if not programs:
        sys.exit("usage: footprint.py AGENT...")
    hello = greeting()
    seconds = {program: [] for program in programs}
    for _ in range(STARTS):
        for program in programs:
            agent, took = start(program, hello)
            seconds[program].append(took)
            end(agent)
    print("size MB | idle KiB | its own KiB | start to answer ms | program")
    for program in programs:
        agent, _ = start(program, hello)
        (all_kib, own_kib), median_ms = resident_kib(agent), statistics.median(seconds[program]) * 1e3
        print(f"{os.path.getsize(program) / 1e6:.1f} | {all_kib} | {own_kib} | {median_ms:.2f} | {program}")
        end(agent)


if __name__ == "__main__":
    main()
