"""One HTTP request to the daemon over its unix socket. No token: the file's permissions are the right."""

import http.client
import json
import socket
from typing import Any
from urllib.parse import quote, urlencode

import click

from ccctl.cli.common import print_json
from ccctl.errors import DaemonDown, NotFound, Refused
from ccctl.runtime.settings import Settings, load

TIMEOUT_S = 30.0
HINT = "start it with 'ccctl serve'"


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=TIMEOUT_S)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Client:
    def __init__(self, settings: Settings) -> None:
        self.path = settings.socket

    def get(self, path: str, **query: str) -> Any:
        return self.request("GET", f"{path}?{urlencode(query)}" if query else path)

    def request(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """The answer's JSON; NotFound when the daemon does not know a name, Refused when it says no,
        DaemonDown when it says nothing."""
        status, data = self._exchange(method, f"/api/v1/{path}", json.dumps(body or {}).encode())
        try:
            value = json.loads(data)
        except ValueError:
            raise DaemonDown(f"{self.path}: the answer is not from a ccctl daemon") from None
        if status >= 400:
            raise refusal(value)
        return value

    def _exchange(self, method: str, path: str, body: bytes) -> tuple[int, bytes]:
        connection = _UnixConnection(self.path)
        try:
            connection.request(
                method, path, body if method != "GET" else None, {"Content-Type": "application/json"}
            )
            response = connection.getresponse()
            return response.status, response.read()
        except (FileNotFoundError, ConnectionRefusedError):
            raise DaemonDown("the ccctl daemon is not running", HINT) from None
        except PermissionError:
            raise DaemonDown(
                f"{self.path}: permission denied", "use the user that runs the daemon, or its group"
            ) from None
        except TimeoutError:
            raise DaemonDown(f"the ccctl daemon did not answer in {TIMEOUT_S:.0f} s") from None
        except (OSError, http.client.HTTPException) as error:
            raise DaemonDown(f"the ccctl daemon broke off: {error or type(error).__name__}", HINT) from None
        finally:
            connection.close()


def refusal(value: dict[str, Any]) -> Refused | NotFound:
    """The daemon's error; its ids of names that it does not know begin with "unknown"."""
    unknown = str(value.get("error", "")).startswith("unknown-")
    error = (NotFound if unknown else Refused)(value.get("text", ""), value.get("hint", ""))
    error.id = value.get("error", error.id)
    return error


def segment(name: str) -> str:
    """A name as one part of a path, whatever was typed."""
    return quote(name, safe="")


def connect(home: str) -> Client:
    return Client(load(home))


def act(home: str, method: str, path: str, body: dict[str, Any], as_json: bool, done: str) -> None:
    """Ask for something to be done: say so when it is, or say why not and exit 1, of an unknown name 4."""
    try:
        value = connect(home).request(method, path, body)
    except (Refused, NotFound) as error:
        if as_json:
            print_json({"error": error.id, "text": error.text, "hint": error.hint})
        else:
            refused = "refused: " if isinstance(error, Refused) else ""
            click.echo(f"ccctl: {refused}{error} [{error.id}]", err=True)
        raise click.exceptions.Exit(error.exit_code) from None
    if as_json:
        print_json(value)
    else:
        click.echo(value.get("text") or done)


def format_option(command: Any) -> Any:
    return click.option(
        "--format",
        "form",
        type=click.Choice(["table", "json"]),
        default="table",
        show_default=True,
        help="Output.",
    )(command)


by_option = click.option(
    "--by", default="", metavar="USER", help="The user who asks [the operator of this machine]."
)
