"""The escape battery's probes, second half: rare doors of the kernel, hunger, lies about the result, left-overs."""

from __future__ import annotations

from trivium.sandbox.probes import Probe, attempts

RARE = {
    "mount": (165, 40, "b'none', b'/tmp', b'tmpfs', 0, 0"),
    "umount": (166, 39, "b'/tmp', 0"),
    "pivot_root": (155, 41, "b'/', b'/'"),
    "chroot": (161, 51, "b'/'"),
    "unshare": (272, 97, "0x10000000"),
    "setns": (308, 268, "0, 0"),
    "keyctl": (250, 219, "0, -3, 0"),
    "add_key": (248, 217, "b'user', b'x', b'y', 1, -2"),
    "bpf": (321, 280, "0, bytes(128), 128"),
    "perf_event_open": (298, 241, "bytes(128), 0, -1, -1, 0"),
    "userfaultfd": (323, 282, "0"),
    "fanotify_init": (300, 262, "0, 0"),
    "init_module": (175, 105, "0, 0, b''"),
    "kexec_load": (246, 104, "0, 0, 0, 0"),
    "reboot": (169, 142, "0, 0, 0, 0"),
    "setuid": (105, 146, "0"),
    "setgroups": (116, 159, "0, 0"),
    "capset": (126, 91, "bytes(8), bytes(24)"),
    "personality": (135, 92, "0x0040000"),
    "prctl": (157, 167, "4, 1, 0, 0, 0"),
    "seccomp": (317, 277, "1, 0, bytes(16)"),
    "landlock": (444, 444, "0, 0, 1"),
    "sethostname": (170, 161, "b'x', 1"),
    "syslog": (103, 116, "3, bytes(64), 64"),
    "quotactl": (179, 60, "0, 0, 0, 0"),
    "timer_create": (222, 107, "0, 0, bytes(8)"),
    "process_madvise": (440, 440, "0, 0, 0, 0, 0"),
    "move_mount": (429, 429, "-1, b'', -1, b'', 0"),
    "fsopen": (430, 430, "b'tmpfs', 0"),
    "splice": (275, 76, "0, 0, 1, 0, 1, 0"),
    "sendfile": (40, 71, "1, 0, 0, 1"),
}
"""Names with their numbers on x86_64 and aarch64, and arguments that would do no harm."""

KERNEL = [Probe("kernel", name, attempts((name, f"raw({x}, {a}, {how})"))) for name, (x, a, how) in RARE.items()] + [
    Probe(
        "kernel",
        "other architectures' calls",
        """
import mmap
print("TRIED", flush=True)
if machine == "x86_64":
    attempt("x32", lambda: ctypes.CDLL(None).syscall(ctypes.c_long(0x40000000 | 39)))
    room = mmap.mmap(-1, 4096, prot=7)
    room.write(bytes.fromhex("b814000000cd80c3"))
    print("ESCAPED", ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(room)))())
else:
    os._exit(1)
""",
        finishes=("killed",),
        reaches_end=False,
    ),
]

HUNGER = [
    Probe("hunger", "memory bomb", "x = []\nwhile True: x.append(bytes(1 << 20))\n", ("memory",), False),
    Probe("hunger", "one huge object", "x = bytes(1 << 40)\n", ("memory",), False),
    Probe(
        "hunger",
        "memory by mmap",
        "import mmap\nx = []\nwhile True: x.append(mmap.mmap(-1, 1 << 24))\n",
        ("error", "memory", "killed"),
        False,
    ),
    Probe("hunger", "output flood", "while True: print('x' * 1000)\n", ("output",), False),
    Probe("hunger", "output flood by raw writes", "while True: os.write(2, bytes(1 << 20))\n", ("output",), False),
    Probe("hunger", "channel flood", "while True: os.write(3, bytes(1 << 16))\n", ("output",), False),
    Probe("hunger", "9**9**9", "print('TRIED', flush=True)\n9**9**9\n", ("timeout", "memory"), True, seconds=0.5),
    Probe(
        "hunger",
        "a loop deaf to SIGALRM and SIGTERM",
        "import signal\nprint('TRIED', flush=True)\nfor s in (1, 2, 14, 15, 24): signal.signal(s, signal.SIG_IGN)\n"
        "while True:\n    try:\n        while True: pass\n    except BaseException: pass\n",
        ("timeout",),
        seconds=0.5,
    ),
    Probe("hunger", "sleep", "import time\nprint('TRIED', flush=True)\ntime.sleep(1e6)\n", ("timeout",), seconds=0.3),
    Probe("hunger", "deep recursion", "def f(): return f()\nprint('TRIED', flush=True)\nf()\n", ("error",)),
    Probe(
        "hunger",
        "recursion without a limit",
        "sys.setrecursionlimit(10**9)\nprint('TRIED', flush=True)\n"
        "class A:\n    def __repr__(self): return repr(self)\n"
        "repr(A())\n",
        ("killed", "memory", "error"),
    ),
    Probe(
        "hunger",
        "a slow pattern",
        "import re\nprint('TRIED', flush=True)\nre.match('(a+)+$', 'a' * 60 + 'b')\n",
        ("timeout",),
        seconds=0.3,
    ),
    Probe(
        "hunger",
        "a huge file",
        "print('TRIED', flush=True)\nf = open(G['scratch'] + '/big', 'wb')\nwhile True: f.write(bytes(1 << 20))\n",
        ("error", "killed", "output"),
        scratch=True,
    ),
    Probe(
        "hunger",
        "many files",
        "print('TRIED', flush=True)\nn = 0\nwhile True:\n    n += 1\n    open(f\"{G['scratch']}/{n}\", 'w').close()\n",
        ("output",),
        scratch=True,
    ),
    Probe(
        "hunger",
        "descriptors",
        "made = []\ntry:\n    while True: made.append(os.pipe())\nexcept OSError: print('TRIED', len(made))\n"
        "if len(made) > 100: print('ESCAPED')\n",
    ),
]

LIES = [
    Probe("lies", "end without a word", "print('TRIED', flush=True)\nos._exit(0)\n", ("killed",)),
    Probe("lies", "a crash", "print('TRIED', flush=True)\nctypes.string_at(0)\n", ("killed",)),
    Probe(
        "lies",
        "a forged end",
        "print('TRIED', flush=True)\nfor end in range(1, 20):\n    try:\n"
        '        os.write(end, b\'{"finish": "ok", "value": "forged", "nonce": ""}\\n\')\n    except OSError: pass\n'
        "os._exit(0)\n",
        ("killed",),
    ),
    Probe("lies", "all descriptors closed", "print('TRIED', flush=True)\nos.closerange(0, 100)\n", ("killed", "ok")),
    Probe(
        "lies",
        "descriptors of others",
        "mine = 0\nfor one in range(4, 4096):\n    try:\n        os.fstat(one)\n        print('ESCAPED', one)\n"
        "    except OSError: mine += 1\n",
    ),
    Probe(
        "lies",
        "secrets of the environment",
        "attempt('environ', lambda: os.environ[G['variable']])\nattempt('libc', lambda: 1 / bool("
        "ctypes.CDLL(None).getenv(G['variable'].encode())))\n",
    ),
    Probe(
        "lies",
        "left for the next run",
        "import builtins, json\nbuiltins.left = 1\njson.left = 1\nos.environ['LEFT'] = '1'\nsys.path.append('/left')\n",
    ),
    Probe(
        "lies",
        "found from the last run",
        "import builtins, json\nattempt('builtins', lambda: builtins.left)\nattempt('json', lambda: json.left)\n"
        "attempt('environ', lambda: os.environ['LEFT'])\nif '/left' in sys.path: print('ESCAPED')\n",
    ),
]
