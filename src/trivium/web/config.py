"""What a server listens on and what it lets a request ask for."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from trivium.ground.config import check
from trivium.ground.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class ServeConfig:
    """Where to listen, and a limit for everything that a client decides."""

    host: str = "127.0.0.1"
    port: int = 8000
    """0 takes any that is free."""
    token: str = ""
    """What clients must send as their API key; empty: none is asked for, which only this machine may have."""
    device: str = "auto"
    dtype: str = "auto"
    """What models compute in: float32, bfloat16, or auto, which is bfloat16 where the hardware is faster in it."""
    invariant: bool = False
    """Whether the same seed gives the same text whatever else is served: slower, all slots are always computed."""
    threads: int = 0
    """CPU threads for torch; 0 means one for each core this process may use."""
    batch: int = 32
    """Completions of one model that are written at once: its slots."""
    queue: int = 128
    """Completions that may wait for a slot; more are refused with 429."""
    models: int = 2
    """Models kept in memory; the one used longest ago makes room."""
    body_bytes: int = 2 << 20
    depth: int = 32
    """How deep JSON may nest."""
    items: int = 500_000
    """How many values the JSON of a request may hold."""
    messages: int = 2000
    choices: int = 64
    """Completions that one request may ask for: prompts times n."""
    new_tokens: int = 32_768
    """Longest completion, however much room the model has."""
    stops: int = 16
    stop_characters: int = 200
    biases: int = 2000
    top_logprobs: int = 20
    tools: int = 64
    deadline: float = 600.0
    """Seconds that a request may take, waiting included."""
    head_seconds: float = 10.0
    """For the request line and the headers to arrive."""
    body_seconds: float = 30.0
    stall_seconds: float = 30.0
    """How long a client may take nothing of an answer."""
    connections: int = 512
    """Open at once; more are closed unheard."""
    drain_seconds: float = 30.0
    """How long running requests may go on once the server is asked to stop."""

    def __post_init__(self) -> None:
        check(0 <= self.port < 65536, "port", self.port, "0 to 65535.")
        check(self.dtype in ("auto", "float32", "bfloat16"), "dtype", self.dtype, "auto, float32 or bfloat16.")
        for name in ("batch", "models", "choices", "new_tokens", "connections", "body_bytes", "depth", "items"):
            check(getattr(self, name) > 0, name, getattr(self, name), "1 or more.")
        check(self.queue >= 0, "queue", self.queue, "0 or more.")
        for name in ("deadline", "head_seconds", "body_seconds", "stall_seconds"):
            check(getattr(self, name) > 0, name, getattr(self, name), "Above 0 seconds.")
        check(self.drain_seconds >= 0, "drain_seconds", self.drain_seconds, "0 seconds or more.")
        plain = self.token.isascii() and self.token.isprintable() and " " not in self.token
        check(plain, "token", "(not shown)", "Letters, digits and signs of ASCII, no blanks.")
        if not self.local and not self.token:
            raise UsageError(
                f"--host {self.host} lets other machines in, and there is no token.",
                "Give --token (or TRIVIUM_TOKEN), or leave --host at 127.0.0.1.",
            )

    @property
    def local(self) -> bool:
        """Whether only this machine can connect."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False
