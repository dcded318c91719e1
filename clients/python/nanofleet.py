"""A client of the nanofleet agent on the same machine: one file, the standard library, Python 3.9 or newer.

By the agent's Unix socket, which file modes protect::

    from nanofleet import Agent

    with Agent("/var/lib/nanofleet-agent/agent.sock") as agent:
        decision = agent.decide("turn on the lamp in the bedroom")
        if decision["verdict"] == "sure":
            print(decision["label"], slots(decision, "turn on the lamp in the bedroom"))

By its loopback port, with the word in its file ``http-token``::

    agent = Agent(port=8765, token_file="/var/lib/nanofleet-agent/http-token")

From a shell: ``python3 nanofleet.py --socket agent.sock TEXT``. Answers are the JSON of the local API as dictionaries.
"""

from __future__ import annotations

import argparse
import http.client
import json
import socket as sockets
import sys
import threading
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple, Union
from urllib.parse import quote

__all__ = ["Agent", "AgentError", "AgentUnreachable", "slots"]

#: Longer answers are given up.
ANSWER_BYTES_MAX = 16 * 1024 * 1024
#: How long to wait for an answer beyond what was asked to be waited for, seconds.
TIMEOUT_S = 10.0

Json = Dict[str, Any]


class AgentUnreachable(Exception):
    """The agent does not answer: it does not run, or this user may not use its socket."""


class AgentError(Exception):
    """The agent refused a request. ``code`` is one of the codes in docs/errors.md."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        self.status = status
        self.code = str(problem.get("code", "INTERNAL"))
        self.detail = str(problem.get("detail", ""))
        self.facts: Json = dict(problem.get("facts") or {})
        super().__init__(f"{self.code}: {self.detail}")


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        """Connects to the socket in the place of a port."""
        self.sock = sockets.socket(sockets.AF_UNIX, sockets.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Agent:
    """The agent of this machine. May be used by several threads; requests then follow one another."""

    def __init__(
        self,
        socket: Union[str, Path, None] = None,
        *,
        port: Optional[int] = None,
        token: Optional[str] = None,
        token_file: Union[str, Path, None] = None,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        """Names the socket, or the loopback port with its token; connects with the first request."""
        if (socket is None) == (port is None):
            raise ValueError("give either the socket or the port of the agent")
        if port is not None and (token is None) == (token_file is None):
            raise ValueError("the port needs either token or token_file")
        self._socket = None if socket is None else str(socket)
        self._port = port
        self._token = token
        self._token_file = token_file
        self._timeout_s = timeout_s
        self._connection: Optional[http.client.HTTPConnection] = None
        self._lock = threading.Lock()

    def __enter__(self) -> Agent:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the connection; the next request makes another."""
        with self._lock:
            self._drop()

    def decide(
        self,
        text: str,
        *,
        line: Optional[str] = None,
        wait_ms: int = 0,
        deadline_ms: Optional[int] = None,
        durable: bool = False,
        explain: bool = False,
    ) -> Json:
        """Decides on a text: ``label``, ``confidence``, ``verdict``, ``entities``, ``id`` and more.

        ``wait_ms`` waits so long for a bigger tier where the device is not sure; ``durable`` answers only when the
        record is on the disk; ``explain`` asks which words decided. Raises AgentError, AgentUnreachable.
        """
        asked = _asked(line=line, waitMs=wait_ms or None, deadlineMs=deadline_ms, durable=durable, explain=explain)
        return self._post("/v1/decide", {"text": text, **asked}, wait_ms)

    def decide_all(self, texts: Sequence[str], *, line: Optional[str] = None) -> List[Json]:
        """Decides on many texts, in their order; an item that was refused is ``{"error": {...}}``."""
        items: List[Json] = self._post("/v1/decide/batch", {"texts": list(texts), **_asked(line=line)})["items"]
        return items

    def decision(self, decision: str) -> Json:
        """A decision as it stands now, with the answer of a bigger tier once it has come."""
        return self._request("GET", f"/v1/decisions/{quote(decision, safe='')}")

    def label(self, decision: str, label: Optional[str] = None, *, out_of_scope: bool = False) -> Json:
        """Tells the right label of a decision, or that there is none; ``last`` names the newest decision."""
        return self._post(f"/v1/decisions/{quote(decision, safe='')}/label", _lesson(label, out_of_scope))

    def teach(
        self,
        text: str,
        label: Optional[str] = None,
        *,
        out_of_scope: bool = False,
        line: Optional[str] = None,
    ) -> Json:
        """Tells the right label of a text. It stays on the device, as an example to learn from."""
        return self._post("/v1/examples", {"text": text, **_lesson(label, out_of_scope), **_asked(line=line)})

    def samples(self, samples: Sequence[Sequence[float]], rate_hz: float, *, line: Optional[str] = None) -> Json:
        """Gives samples to a sensor line, one row a sample; ``events`` of the answer began or ended with them."""
        return self._post("/v1/samples", {"samples": samples, "rateHz": rate_hz, **_asked(line=line)})

    def feed(self, source: str, message: Union[str, Mapping[str, Any], Sequence[Any]]) -> Json:
        """Gives a message to a source of kind http in agent.yaml: text as it is, anything else as JSON."""
        text = message if isinstance(message, str) else json.dumps(message)
        return self._request("POST", f"/v1/sources/{quote(source, safe='')}", text.encode("utf-8"))

    def status(self) -> Json:
        """What the agent says of itself: link, lines, sources, sinks, health, problems."""
        return self._request("GET", "/v1/status")

    def _post(self, path: str, value: Json, wait_ms: int = 0) -> Json:
        body = json.dumps(value, allow_nan=False).encode("utf-8")
        return self._request("POST", path, body, wait_ms)

    def _request(self, method: str, path: str, body: Optional[bytes] = None, wait_ms: int = 0) -> Json:
        with self._lock:
            try:
                status, answer = self._exchange(method, path, body, self._timeout_s + wait_ms / 1000)
            except (OSError, http.client.HTTPException) as error:
                self._drop()
                raise AgentUnreachable(f"the agent at {self._place()} does not answer: {error}") from error
        if status >= 400:
            raise AgentError(status, answer)
        return answer

    def _exchange(self, method: str, path: str, body: Optional[bytes], timeout_s: float) -> Tuple[int, Json]:
        is_kept = self._connection is not None
        try:
            return self._send(method, path, body, timeout_s)
        except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
            # The agent ends a connection that was idle for two minutes; it has not seen this request then.
            self._drop()
            if not is_kept:
                raise
            return self._send(method, path, body, timeout_s)

    def _send(self, method: str, path: str, body: Optional[bytes], timeout_s: float) -> Tuple[int, Json]:
        connection = self._connected()
        if connection.sock is None:
            connection.connect()
        connection.sock.settimeout(timeout_s)
        connection.request(method, path, body, self._headers())
        response = connection.getresponse()
        read = response.read(ANSWER_BYTES_MAX + 1)
        if len(read) > ANSWER_BYTES_MAX:
            raise http.client.HTTPException(f"the answer is longer than {ANSWER_BYTES_MAX} bytes")
        try:
            value = json.loads(read)
        except ValueError as error:
            raise http.client.HTTPException(f"the answer {response.status} is not JSON") from error
        return response.status, value

    def _connected(self) -> http.client.HTTPConnection:
        if self._connection is None:
            if self._socket is not None:
                self._connection = _UnixConnection(self._socket, self._timeout_s)
            else:
                self._connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=self._timeout_s)
        return self._connection

    def _headers(self) -> Dict[str, str]:
        headers = {"content-type": "application/json"}
        if self._port is None:
            return headers
        token = self._token
        if token is None and self._token_file is not None:
            token = Path(self._token_file).read_text(encoding="utf-8").strip()
        return {**headers, "authorization": f"Bearer {token}"}

    def _place(self) -> str:
        return self._socket if self._socket is not None else f"127.0.0.1:{self._port}"

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None


def slots(decision: Mapping[str, Any], text: str) -> Dict[str, Any]:
    """What the entities of a decision mean, by their names: a number, a known name, or words of the text.

    Of a name that comes more than once the last one stands. Places of entities count UTF-16 units, as JavaScript does.
    """
    units = text.encode("utf-16-le")
    found: Dict[str, Any] = {}
    for entity in decision.get("entities", []):
        words = units[2 * entity["start"] : 2 * entity["end"]].decode("utf-16-le")
        found[entity["type"]] = _value(entity.get("value"), words)
    return found


def _value(value: Optional[Mapping[str, Any]], words: str) -> Any:
    if value is None:
        return words
    if value["kind"] == "time":
        return f"{value['minuteOfDay'] // 60:02}:{value['minuteOfDay'] % 60:02}"
    kept = {"number": "number", "duration": "seconds", "temperature": "degrees"}
    return value[kept.get(value["kind"], "name")]


def _asked(**given: Any) -> Json:
    """What was asked for, without what was left out."""
    return {name: value for name, value in given.items() if value is not None and value is not False}


def _lesson(label: Optional[str], out_of_scope: bool) -> Json:
    if (label is None) != out_of_scope:
        raise ValueError("give either a label or out_of_scope")
    return {"outOfScope": True} if label is None else {"label": label}


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Decides on one text from a shell; prints the decision as a line of JSON."""
    parser = argparse.ArgumentParser(description="Asks the nanofleet agent of this machine.")
    parser.add_argument("text")
    parser.add_argument("--socket", default="agent.sock", help="socket of the agent (default agent.sock)")
    parser.add_argument("--line", help="model line, where several take text")
    given = parser.parse_args(arguments)
    try:
        with Agent(given.socket) as agent:
            print(json.dumps(agent.decide(given.text, line=given.line)))
        return 0
    except (AgentError, AgentUnreachable) as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
