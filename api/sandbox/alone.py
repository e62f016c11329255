"""What stand-ins share: one alone on a free loopback port, in a thread; a door that takes one bounded message."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route


def asked(path: str, answer: Callable[[bytes], bytes], query: str, reply: str, cap: int, name: str) -> Route:
    """`POST path`: a bounded body of type `query` goes to `answer`, what comes out is of type `reply`."""

    async def post(request: Request) -> Response:
        if request.headers.get("content-type", "").partition(";")[0].strip() != query:
            return PlainTextResponse(f"Le type {query} est attendu.", 415)
        if int(request.headers.get("content-length", cap + 1)) > cap:
            return PlainTextResponse(f"{name} est trop grande.", 413)
        return Response(answer(await request.body()), media_type=reply)

    return Route(path, post, methods=["POST"])


@contextmanager
def running(app: Starlette) -> Iterator[str]:
    """Serve until the block ends; gives the URL, with its slash."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off", ws="none"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
    finally:
        server.should_exit = True
        thread.join(5)
        listener.close()
