"""`trivium serve`: from a path and a config to a server that listens, until it is asked to stop."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import uvicorn

from trivium.ground.errors import UsageError
from trivium.web.app import build
from trivium.web.config import ServeConfig
from trivium.web.connection import Server, protocol
from trivium.web.metrics import Metrics
from trivium.web.shelf import Shelf, find_offers
from trivium.web.toolbox import Opened, Toolbox
from trivium.web.worker import Worker


def server_of(shelf: Shelf, config: ServeConfig, toolbox: Toolbox | None = None) -> Server:
    """A server that has not begun to listen; its page calls the tools of `toolbox`."""
    metrics = Metrics()
    worker = Worker(shelf, metrics)
    settings = uvicorn.Config(
        build(shelf, worker, metrics, config, toolbox),
        host=config.host,
        port=config.port,
        http=protocol(config),
        ws="none",
        loop="asyncio",
        lifespan="on",
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=3,
        h11_max_incomplete_event_size=65_536,
    )
    return Server(settings, worker, config)


def serve(path: Path, config: ServeConfig, tools: Sequence[str] = (), unsafe: bool = False) -> int:
    """Serve a run's models, or one model, until SIGTERM or SIGINT. Gives the exit code.

    `tools` are names for `trivium.tools.registry.opened`: what the page may call on behalf of a model.
    """
    from trivium.tools.registry import opened

    shelf = Shelf(find_offers(path), config)
    with opened(tools, unsafe) as given:  # before any thread runs: the sandbox forks
        return listen(shelf, config, Opened(given) if given else None)


def listen(shelf: Shelf, config: ServeConfig, toolbox: Toolbox | None = None) -> int:
    """Serve until asked to stop. Gives the exit code. Raises UsageError for a port that cannot be had."""
    server = server_of(shelf, config, toolbox)
    names = ", ".join(shelf.offers)

    def told() -> None:
        server.ready.wait()
        if server.started:
            shown = f"[{config.host}]" if ":" in config.host else config.host
            where = f"http://{shown}:{server.port}"
            line = f"Serving {names} at {where}/v1, with a page to talk to them at {where}/; Ctrl-C stops."
            print(line, file=sys.stderr, flush=True)

    import threading

    threading.Thread(target=told, daemon=True).start()
    try:
        server.run()
    except SystemExit as error:
        raise UsageError(
            f"Cannot listen on {config.host}:{config.port}.", "Is the port in use? Try --port 0."
        ) from error
    return 0
