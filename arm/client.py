"""Questions to the running daemon, over the API that it serves (web.listen)."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from functools import partial
from typing import Any
from urllib.parse import urlencode, urlsplit

from arm.model import ArmError

DEFAULT_URL = "http://127.0.0.1:8008"
PATIENCE = 10.0  # seconds for each step of an answer
PAGE = 1000  # routes in one answer, the most that the API gives

_CONNECTIONS = {"http": http.client.HTTPConnection, "https": http.client.HTTPSConnection}


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
        status, body = self._ask(f"{self._path}/api/v1/{path}" + (f"?{urlencode(query)}" if query else ""))
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

    def _ask(self, target: str) -> tuple[int, bytes]:
        connection = self._connect()
        try:
            connection.request("GET", target, headers={"Accept": "application/json"})
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
