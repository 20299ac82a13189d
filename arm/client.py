"""Questions to the running daemon, over the API that it serves (web.listen)."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from arm.model import ArmError
from arm.token import read_token

DEFAULT_URL = "http://127.0.0.1:8008"
PATIENCE = 10.0  # seconds for each step of an answer
PAGE = 1000  # routes in one answer, the most that the API gives

_REFUSALS = {  # what to do about them
    401: "say --token-file, with the file that web.token_file of the daemon names",
    403: "see web.token_file and web.write_from in its configuration",
    404: "see `arm pin` and `arm deny`, which list what there is",
    409: "see `arm pin`, `arm deny` and `arm mode`, which say what there is",
    429: "wait, then use the right token",
}
_CONNECTIONS = {"http": http.client.HTTPConnection, "https": http.client.HTTPSConnection}


class RefusedError(ArmError):
    """The daemon does not do what it was told: who told it may not, or things are not so that it could."""


class UsageError(ArmError):
    """What was asked for cannot be: the command line is wrong, not the daemon."""


class Client:
    """One daemon. Proxies of the environment are not used: the daemon is here, or near."""

    def __init__(self, url: str = DEFAULT_URL) -> None:
        """UsageError if this is no such address."""
        self.url = url.rstrip("/")
        try:
            parts = urlsplit(self.url)
            if not parts.hostname:
                raise ValueError
            self._connect = partial(_CONNECTIONS[parts.scheme], parts.hostname, parts.port, timeout=PATIENCE)
            self._connect()  # looks at the name only
        except (KeyError, ValueError, http.client.InvalidURL):
            raise UsageError(f"{url!r} is no address of a daemon", f"write it like {DEFAULT_URL}") from None
        self._path = parts.path

    def get(self, path: str, **query: str | int) -> Any:
        """The answer, as JSON is read. ArmError without one, UsageError if the query is refused."""
        return self._answer("GET", path + (f"?{urlencode(query)}" if query else ""))

    def telling(self, token_file: Path) -> Callable[[str, str, object], Any]:
        """What tells the daemon something: of method, path and body (None: none) it makes the answer.
        ArmError, RefusedError or UsageError."""
        try:
            token = read_token(token_file)
        except ArmError as error:
            raise RefusedError(error.problem, f"{error.remedy}; or say --token-file") from None
        headers = {"Authorization": f"Bearer {token}"}

        def tell(method: str, path: str, body: object) -> Any:
            if body is None:
                return self._answer(method, path, None, headers)
            content = json.dumps(body).encode()
            return self._answer(method, path, content, {**headers, "Content-Type": "application/json"})

        return tell

    def _answer(
        self, method: str, path: str, content: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Any:
        target = f"{self._path}/api/v1/{path}"
        status, body = self._ask(method, target, content, headers or {})
        try:
            answer = json.loads(body)
        except ValueError:
            raise self._stranger() from None
        if status == http.client.OK:
            return answer
        detail = answer.get("detail") if isinstance(answer, dict) else None
        if not isinstance(detail, str):
            raise self._stranger()
        if status == http.client.BAD_REQUEST:
            faults = answer.get("parameters") or [{}]
            problem = f"{faults[0].get('parameter', 'query')}: {faults[0].get('problem', detail)}"
            raise UsageError(problem, f"allowed: {faults[0].get('allowed', 'something else')}")
        if method != "GET" and status in _REFUSALS:
            raise RefusedError(detail, _REFUSALS[status])
        raise ArmError(f"{self.url} answers {status}: {detail}", "see its log")

    def routes(self, **query: str | int) -> Iterator[dict[str, Any]]:
        """All lines of the route table that match, asked for page by page as they are taken.

        The table may change between two pages, so that a line is given twice or not at all.
        """
        offset = 0
        while True:
            page = self.get("routes", **query, limit=PAGE, offset=offset)
            yield from page["routes"]
            offset += PAGE
            if offset >= page["matched"]:
                return

    def _ask(
        self, method: str, target: str, content: bytes | None, headers: Mapping[str, str]
    ) -> tuple[int, bytes]:
        connection = self._connect()
        try:
            connection.request(method, target, content, {"Accept": "application/json", **headers})
            answer = connection.getresponse()
            return answer.status, answer.read()
        except (OSError, UnicodeError) as error:
            reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise ArmError(
                f"no answer from {self.url} ({reason})",
                "is ARM running (`systemctl status arm`), and is that its web.listen? Else say --url",
            ) from None
        except http.client.HTTPException:
            raise self._stranger() from None
        finally:
            connection.close()

    def _stranger(self) -> ArmError:
        return ArmError(f"what answers at {self.url} is not ARM", "say --url, with the address of web.listen")
