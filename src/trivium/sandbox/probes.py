"""The escape battery's probes, first half: what foreign code tries against files, network and processes.

Each is a small program for the sandbox. `attempt` prints ESCAPED when something worked that must not, and TRIED is
printed by every probe that reached its end, so that one that broke early does not count as held. `G` holds what the
battery laid out: a witness file, listeners, process numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

PRELUDE = r"""
import ctypes, errno, os, sys
machine = os.uname().machine
class Given(dict):
    def __missing__(self, key):
        os._exit(9)
G = Given()
def attempt(name, act):
    try:
        got = act()
    except (OSError, ImportError, ZeroDivisionError, ValueError, KeyError, AttributeError) as error:
        print("held", name, type(error).__name__, error)
    else:
        print("ESCAPED", name, repr(got)[:80])
def raw(x86, arm, *arguments):
    number = x86 if machine == "x86_64" else arm
    libc = ctypes.CDLL(None, use_errno=True)
    whole = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    got = libc.syscall(ctypes.c_long(number), *whole)
    trouble = ctypes.get_errno()
    if got < 0 and trouble in (errno.EPERM, errno.ENOSYS, errno.EACCES):
        raise OSError(trouble, os.strerror(trouble))
    return got, errno.errorcode.get(trouble) if got < 0 else ""
"""
"""Before every probe. A raw call counts as refused only by EPERM, ENOSYS or EACCES: another error came from beyond."""


@dataclass(frozen=True)
class Probe:
    """One way out, tried."""

    group: str
    name: str
    code: str
    finishes: tuple[str, ...] = ("ok",)
    """How its run may finish."""
    reaches_end: bool = True
    """Whether TRIED must have been printed."""
    scratch: bool = False
    seconds: float = 5.0


def attempts(*acts: tuple[str, str]) -> str:
    """A program that attempts each (name, expression)."""
    return "".join(f"attempt({name!r}, lambda: {act})\n" for name, act in acts)


FILES = [
    Probe("files", "read /etc/passwd", attempts(("open", "open('/etc/passwd').read()"))),
    Probe("files", "read a file of the user", attempts(("open", "open(G['witness']).read()"))),
    Probe("files", "list folders", attempts(*((p, f"os.listdir({p!r})") for p in ("/", "/tmp", "/home", "/proc")))),
    Probe("files", "list and read home", attempts(("home", "os.listdir(G['home'])"))),
    Probe("files", "write to /tmp", attempts(("open", "open('/tmp/trivium-probe', 'w').write('x')"))),
    Probe(
        "files",
        "write beside the user's files",
        attempts(("new", "open(G['folder'] + '/new', 'x')"), ("append", "open(G['witness'], 'a').write('x')")),
    ),
    Probe(
        "files",
        "open for reading, and truncate by it",
        attempts(
            ("truncate", "os.open(G['witness'], os.O_RDONLY | os.O_TRUNC)"),
            ("create", "os.open(G['folder'] + '/new', os.O_RDONLY | os.O_CREAT)"),
            ("truncate by path", "os.truncate(G['witness'], 0)"),
        ),
    ),
    Probe("files", "symbolic link", attempts(("symlink", "os.symlink('/etc/passwd', G['folder'] + '/link')"))),
    Probe("files", "hard link", attempts(("link", "os.link(G['witness'], G['folder'] + '/link')"))),
    Probe(
        "files",
        "remove, rename, change rights and times",
        attempts(
            ("remove", "os.remove(G['witness'])"),
            ("rename", "os.rename(G['witness'], G['witness'] + '2')"),
            ("chmod", "os.chmod(G['witness'], 0o777)"),
            ("chown", "os.chown(G['witness'], 1, 1)"),
            ("utime", "os.utime(G['witness'], (1, 1))"),
            ("xattr", "os.setxattr(G['witness'], 'user.x', b'x')"),
            ("folder", "os.mkdir(G['folder'] + '/made')"),
        ),
    ),
    Probe(
        "files",
        "/proc/self",
        attempts(*((p, f"open('/proc/self/{p}', 'rb').read(10)") for p in ("mem", "maps", "environ", "cmdline")))
        + attempts(("write mem", "open('/proc/self/mem', 'r+b')"), ("fd", "os.listdir('/proc/self/fd')")),
    ),
    Probe(
        "files",
        "/proc of others",
        attempts(
            ("1", "open('/proc/1/environ').read()"),
            ("parent", "open(f'/proc/{os.getppid()}/environ').read()"),
            ("owner", "open(f\"/proc/{G['owner']}/environ\").read()"),
            ("owner's memory", "open(f\"/proc/{G['owner']}/mem\", 'rb').read(1)"),
            ("owner's root", "os.listdir(f\"/proc/{G['owner']}/root\")"),
        ),
    ),
    Probe(
        "files",
        "out of a folder that may be read",
        "library = os.path.dirname(os.__file__)\nplace = os.open(library + '/json', os.O_RDONLY)\n"
        + attempts(
            ("above", "os.open('../../../../../../../../etc/passwd', os.O_RDONLY, dir_fd=place)"),
            ("descriptor of a path", "os.open('/etc', os.O_PATH)"),
            ("chdir", "os.chdir('/etc')"),
            ("fchdir", "os.fchdir(place)"),
        ),
    ),
    Probe(
        "files",
        "open by handle",
        "handle = ctypes.create_string_buffer((128).to_bytes(4, 'little') + bytes(200))\nmount = ctypes.c_int()\n"
        + attempts(
            ("handle", "raw(303, 264, -100, b'/etc/passwd', handle, ctypes.byref(mount), 0)"),
            ("open", "raw(304, 265, -100, handle, 0)"),
        ),
    ),
    Probe(
        "files", "openat2", "how = bytes(24)\n" + attempts(("openat2", "raw(437, 437, -100, b'/etc/passwd', how, 24)"))
    ),
    Probe(
        "files",
        "devices and pipes with names",
        attempts(
            ("mknod", "os.mknod(G['folder'] + '/disk', 0o60600, os.makedev(8, 0))"),
            ("mkfifo", "os.mkfifo(G['folder'] + '/pipe')"),
            ("null", "open('/dev/null', 'w')"),
            ("memory", "open('/dev/mem', 'rb')"),
            ("terminal", "open('/dev/tty')"),
        ),
    ),
    Probe(
        "files",
        "shared memory",
        attempts(("shm", "open('/dev/shm/trivium', 'w')"), ("shmget", "raw(29, 194, 7, 4096, 0o1666)")),
    ),
    Probe(
        "files",
        "packages that are installed",
        attempts(("read", "open(G['package']).read(10)"), ("torch", "__import__('torch')")),
    ),
    Probe(
        "files",
        "out of a scratch folder",
        "open(G['scratch'] + '/mine', 'w').write('x')\n"
        + attempts(
            ("link", "os.symlink('/etc/passwd', G['scratch'] + '/link')"),
            ("above", "open(G['scratch'] + '/../escaped', 'w')"),
            ("rename out", "os.rename(G['scratch'] + '/mine', G['folder'] + '/mine')"),
            ("passwd", "open('/etc/passwd')"),
            ("program", "os.execv(G['scratch'] + '/mine', ['x'])"),
        ),
        scratch=True,
    ),
]

NETWORK = [
    Probe(
        "network",
        "TCP",
        "import socket\n" + attempts(("tcp", "socket.create_connection(('127.0.0.1', G['port']), 1).send(b'x')")),
    ),
    Probe(
        "network",
        "UDP",
        "import socket\n"
        + attempts(("udp", "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', G['port']))")),
    ),
    Probe(
        "network",
        "Unix sockets, with a path and without",
        "import socket\n"
        + attempts(
            ("path", "socket.socket(socket.AF_UNIX).connect(G['socket'])"),
            ("abstract", "socket.socket(socket.AF_UNIX).connect(G['abstract'])"),
        ),
    ),
    Probe(
        "network",
        "out of a socket pair",
        "import socket\n"
        + attempts(
            ("datagrams", "socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)[0].sendto(b'x', G['datagrams'])"),
            ("stream", "socket.socketpair()[0].sendto(b'x', G['datagrams'])"),
            ("message", "socket.socketpair()[0].sendmsg([b'x'], [], 0, G['datagrams'])"),
        ),
    ),
    Probe("network", "names (DNS)", "import socket\n" + attempts(("dns", "socket.getaddrinfo('example.com', 80)"))),
    Probe(
        "network",
        "raw, packet, netlink and machine sockets",
        "import socket\n"
        + attempts(
            *((str(f), f"socket.socket({f}, {k}, {p})") for f, k, p in ((2, 3, 1), (17, 3, 3), (16, 3, 0), (40, 1, 0)))
        ),
    ),
    Probe(
        "network",
        "io_uring",
        "room = bytes(256)\n"
        + attempts(("setup", "raw(425, 425, 4, room)"), ("enter", "raw(426, 426, 3, 1, 0, 0, 0, 0)")),
    ),
]

PROCESSES = [
    Probe("processes", "fork", attempts(("fork", "os.fork() or os._exit(0)"))),
    Probe(
        "processes",
        "vfork and clone",
        attempts(("vfork", "raw(58, 220, 17, 0, 0, 0, 0)"), ("clone", "raw(56, 220, 17, 0, 0, 0, 0)")),
    ),
    Probe("processes", "clone3", "how = bytes(88)\n" + attempts(("clone3", "raw(435, 435, how, 88)"))),
    Probe(
        "processes",
        "execve",
        attempts(
            ("execv", "os.execv('/bin/true', ['true'])"), ("execveat", "raw(322, 281, -100, b'/bin/true', 0, 0, 0)")
        ),
    ),
    Probe("processes", "posix_spawn", attempts(("spawn", "os.posix_spawn('/bin/true', ['true'], {})"))),
    Probe(
        "processes",
        "subprocess and shell",
        "import subprocess\n"
        + attempts(
            ("run", "subprocess.run(['true'])"),
            ("popen", "os.popen('id').read() or 1 / 0"),
            ("system", "1 / (os.system('true') == 0)"),
        ),
    ),
    Probe(
        "processes",
        "a program in memory",
        attempts(("memfd", "raw(319, 279, b'x', 0)"), ("memfd_secret", "raw(447, 447, 0)")),
    ),
    Probe(
        "processes",
        "fork bomb",
        "made = 0\nfor _ in range(300):\n    try:\n        if os.fork() == 0: os._exit(0)\n        made += 1\n"
        "    except OSError: pass\nprint('ESCAPED' if made else 'held', made)\n",
    ),
    Probe(
        "processes",
        "thread bomb",
        "import threading, time\nmade = 0\nfor _ in range(1000):\n    try:\n"
        "        threading.Thread(target=time.sleep, args=(1,), daemon=True).start()\n        made += 1\n"
        "    except RuntimeError: pass\nprint('ESCAPED' if made else 'held', made)\n",
    ),
    Probe(
        "processes",
        "ptrace",
        attempts(
            ("attach", "raw(101, 117, 16, os.getppid(), 0, 0)"), ("owner", "raw(101, 117, 0x4206, G['owner'], 0, 0)")
        ),
    ),
    Probe(
        "processes",
        "another's memory",
        "room = bytes(64)\n"
        + attempts(
            ("read", "raw(310, 270, os.getppid(), room, 1, room, 1, 0)"),
            ("write", "raw(311, 271, G['owner'], room, 1, room, 1, 0)"),
            ("compare", "raw(312, 272, os.getppid(), os.getpid(), 0, 0, 0)"),
        ),
    ),
    Probe(
        "processes",
        "signals to others",
        attempts(
            ("zygote", "os.kill(os.getppid(), 18)"),
            ("owner", "os.kill(G['owner'], 18)"),
            ("all", "os.kill(-1, 0)"),
            ("group", "os.killpg(os.getpgid(os.getppid()), 18)"),
            ("tgkill", "raw(234, 131, os.getppid(), os.getppid(), 18)"),
            ("queue", "raw(129, 138, os.getppid(), 18, bytes(128))"),
        ),
    ),
    Probe(
        "processes",
        "signals by descriptor and by a socket's owner",
        "import fcntl, socket\n"
        + attempts(
            ("pidfd", "os.pidfd_open(os.getppid())"),
            ("its descriptors", "raw(438, 438, 0, 0, 0)"),
            ("owner", "fcntl.fcntl(socket.socketpair()[0], fcntl.F_SETOWN, G['owner'])"),
            ("ioctl", "fcntl.ioctl(socket.socketpair()[0], 0x8901, G['owner'].to_bytes(4, 'little'))"),
        ),
    ),
    Probe(
        "processes",
        "more limits for oneself, fewer for others",
        "import resource\n"
        + attempts(
            ("own", "resource.setrlimit(resource.RLIMIT_AS, (-1, -1))"),
            ("zygote's", "resource.prlimit(os.getppid(), resource.RLIMIT_CPU, (1, 1))"),
            ("priority", "os.setpriority(os.PRIO_PROCESS, os.getppid(), 19)"),
            ("cores", "os.sched_setaffinity(os.getppid(), {0})"),
        ),
    ),
]
