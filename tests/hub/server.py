"""A small Hub on this machine, for the real `huggingface_hub` client: push, list, download, tag, with no network.

with HubServer() as hub:
    hub.run("from huggingface_hub import whoami; print(whoami()['name'])")
"""

import json
import os
import re
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from urllib.parse import unquote

from tests.hub.answers import TOKEN, Answers, Request, Response, refusal
from tests.hub.store import Missing, Repository

PARTS = {
    "{kind}": r"(?P<kind>models|datasets|spaces)",
    "{kind?}": r"(?:(?P<kind>datasets|spaces)/)?",
    "{name}": r"(?P<name>[^/]+/[^/]+)",
    "{revision}": r"(?P<revision>[^/]+)",
    "{folder}": r"(?P<folder>.+)",
    "{path}": r"(?P<path>.+)",
    "{sha256}": r"(?P<sha256>[0-9a-f]{64})",
}


@dataclass(frozen=True)
class Route:
    """One method and form of address, and what answers it. A slash inside a part arrives quoted, so parts are clear."""

    method: str
    address: str
    serve: Callable[..., Response]
    needs_token: bool = False

    def parts(self, request: Request) -> dict[str, str] | None:
        """The named parts of a request's address, or None when the request is for another route."""
        pattern = self.address
        for part, expression in PARTS.items():
            pattern = pattern.replace(part, expression)
        match = re.fullmatch(pattern, request.path)
        if not match or request.method.replace("HEAD", "GET") != self.method:
            return None
        return {name: unquote(value) for name, value in match.groupdict(default="models").items()}


ROUTES = (
    Route("GET", "/api/whoami-v2", Answers.whoami, needs_token=True),
    Route("POST", "/api/repos/create", Answers.create, needs_token=True),
    Route("DELETE", "/api/repos/delete", Answers.delete, needs_token=True),
    Route("POST", "/api/validate-yaml", Answers.check_card),
    Route("GET", "/api/{kind}", Answers.catalogue),
    Route("GET", "/api/{kind}/{name}", Answers.show),
    Route("GET", "/api/{kind}/{name}/revision/{revision}", Answers.show),
    Route("GET", "/api/{kind}/{name}/refs", Answers.refs),
    Route("GET", "/api/{kind}/{name}/commits/{revision}", Answers.history),
    Route("GET", "/api/{kind}/{name}/tree/{revision}", Answers.tree),
    Route("GET", "/api/{kind}/{name}/tree/{revision}/{folder}", Answers.tree),
    Route("POST", "/api/{kind}/{name}/paths-info/{revision}", Answers.paths_info),
    Route("POST", "/api/{kind}/{name}/preupload/{revision}", Answers.preupload, needs_token=True),
    Route("POST", "/api/{kind}/{name}/commit/{revision}", Answers.commit, needs_token=True),
    Route("POST", "/api/{kind}/{name}/tag/{revision}", Answers.tag, needs_token=True),
    Route("POST", "/{kind?}{name}.git/info/lfs/objects/batch", Answers.batch, needs_token=True),
    Route("PUT", "/lfs/{sha256}", Answers.upload),
    Route("GET", "/{kind?}{name}/resolve/{revision}/{path}", Answers.resolve),
)


class HubServer:
    """Answers on a free port of 127.0.0.1 from entering the `with` block until leaving it."""

    def __init__(self) -> None:
        self.answers = Answers()
        self.lock = Lock()
        self.arrivals: list[Arrival] = []
        self.cuts: dict[int | str, str] = {}

    def __enter__(self) -> "HubServer":
        self.home = tempfile.TemporaryDirectory(prefix="hub-client-")
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), lambda *arguments: Conversation(self, *arguments))
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        self.thread = Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.05})
        self.thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.http.shutdown()
        self.thread.join()
        self.http.server_close()
        self.home.cleanup()

    def arrive(self, method: str, path: str) -> "Arrival":
        """Notes that a request begins, and whether its connection is to be cut (see `cut`)."""
        with self.lock:
            named = f"{method} {path.rpartition('/')[2]}"
            cut = self.cuts.pop(len(self.arrivals), "") or self.cuts.pop(named, "")
            self.arrivals.append(Arrival(method, path, cut))
            return self.arrivals[-1]

    def cut(self, which: int | str, when: str) -> None:
        """Cuts the connection of one request, once.

        Args:
            which: after how many others it comes from now on; or what it asks for, as "GET config.json".
            when: "before" its body is read; "after" it was followed, without an answer; "within" the answer.
        """
        self.cuts[len(self.arrivals) + which if isinstance(which, int) else which] = when

    def answer(self, request: Request) -> Response:
        """Follows the first route that fits, one request at a time."""
        for route in ROUTES:
            if (parts := route.parts(request)) is None:
                continue
            if route.needs_token and not request.is_authorised:
                return refusal(401, "Unauthorized", "Invalid credentials in Authorization header")
            try:
                with self.lock:
                    return route.serve(self.answers, request, **parts)
            except Missing as missing:
                return refusal(404, missing.code, str(missing))
        return refusal(404, "RouteNotFound", f"the test Hub has no route for {request.method} {request.path}")

    def repository(self, name: str, kind: str = "models") -> Repository:
        """What the Hub holds under a name, for a test to look at."""
        return self.answers.store.repository(kind, name)

    def environment(self, *, token: str | None = TOKEN) -> dict[str, str]:
        """What a client process must find in its environment to take this server for the Hub."""
        return os.environ | {
            "HF_ENDPOINT": self.url,
            "HF_TOKEN": token or "",
            "HF_HOME": self.home.name,
            "HF_HUB_OFFLINE": "0",
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        }

    def run(self, script: str, *arguments: object, token: str | None = TOKEN) -> str:
        """Runs a Python script as a client in a process of its own and returns what it prints.

        A failing script fails the test, with what the script wrote to its standard error.
        """
        command = [sys.executable, "-c", script, *map(str, arguments)]
        environment = self.environment(token=token)
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


@dataclass
class Arrival:
    """A request that came, when its connection was cut (never: an empty text), and how many bytes it brought."""

    method: str
    path: str
    cut: str
    size: int = 0


class Conversation(BaseHTTPRequestHandler):
    """Turns HTTP into requests, and responses into HTTP."""

    protocol_version = "HTTP/1.1"

    def __init__(self, hub: HubServer, *arguments: object):
        self.hub = hub
        super().__init__(*arguments)

    def converse(self) -> None:
        """Reads one request and writes its response, unless the connection is cut."""
        arrival = self.hub.arrive(self.command, self.path)
        if arrival.cut == "before":
            return self.hang_up()
        content = self.read_body()
        arrival.size = len(content)
        response = self.hub.answer(Request(self.command, self.path, self.headers, content))
        if arrival.cut == "after":
            return self.hang_up()
        is_json = not isinstance(response.body, bytes)
        body = json.dumps(response.body).encode() if is_json else response.body
        self.send_response(response.status)
        headers = {"Content-Type": "application/json"} if is_json else {}
        for name, value in (headers | response.headers | {"Content-Length": str(len(body))}).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[: len(body) // 2] if arrival.cut == "within" else body)
        if arrival.cut == "within":
            self.hang_up()
        return None

    def hang_up(self) -> None:
        """Ends the connection without a word."""
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    do_HEAD = do_GET = do_POST = do_PUT = do_DELETE = converse  # noqa: N815 - names that the library looks for

    def read_body(self) -> bytes:
        """The body of a request, whether its length is known beforehand or it comes in chunks."""
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        chunks = []
        while size := int(self.rfile.readline(), 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def log_message(self, *arguments: object) -> None:
        """Keeps the test's output clean."""
