"""A made-up customer system on loopback: answers as a test tells it to, remembers what it was asked."""

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import parse_qsl, urlsplit

import msgspec


class Asked(msgspec.Struct, frozen=True):
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes


class Crm:
    """`answers`: path -> (status, body, seconds before the answer). Others are 404."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, bytes, float]] = {}
        self.asked: list[Asked] = []
        crm = self

        class Answerer(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                crm.answer(self)

            do_POST = do_GET

            def log_message(self, *_: object) -> None:
                """Nothing: what was asked is in `asked`."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 200

            def handle_error(self, request: object, client_address: object) -> None:
                """A caller that hung up, or did not wait."""

        self.server = Server(("127.0.0.1", 0), Answerer)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(request.path)
        body = request.rfile.read(int(request.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in request.headers.items()}
        query = dict(parse_qsl(parts.query, errors="surrogateescape"))
        self.asked.append(Asked(request.command, parts.path, query, headers, body))
        status, said, after = self.answers.get(parts.path, (404, b"not here", 0.0))
        time.sleep(after)
        request.send_response(status)
        if status != 204:
            request.send_header("content-length", str(len(said)))
        request.end_headers()
        if status != 204:
            request.wfile.write(said)

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def paths(self) -> list[str]:
        return [each.path for each in self.asked]
