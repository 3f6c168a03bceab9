"""A second reading of classic BPF: what a filter says of a system call, by interpretation."""

from __future__ import annotations

import struct


def verdict(program: bytes, architecture: int, number: int, arguments: tuple[int, ...] = ()) -> int:
    """What the filter returns for this call."""
    padded = (*arguments, *[0] * 6)[:6]
    data = struct.pack("<IIQ6Q", number, architecture, 0, *(a % 2**64 for a in padded))
    steps = [struct.unpack_from("<HBBI", program, place) for place in range(0, len(program), 8)]
    at, value = 0, 0
    while True:
        code, yes, no, k = steps[at]
        at += 1
        if code == 0x20:
            value = struct.unpack_from("<I", data, k)[0]
        elif code == 0x54:
            value &= k
        elif code == 0x06:
            return k
        else:
            taken = {0x15: value == k, 0x25: value > k, 0x45: bool(value & k)}[code]
            at += yes if taken else no
