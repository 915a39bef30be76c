"""A browser without scripts for the tests of this folder: cookies, forms with their tokens, pages as text."""

import re
from types import TracebackType

import httpx

from tests.people import PASSWORD, Person

PAGE = {"Accept": "text/html"}


class Browser:
    """One browser; `see` shows a page, `press` sends a form of it."""

    def __init__(self, server: str, **headers: str) -> None:
        self.http = httpx.Client(base_url=server, headers=PAGE | headers, timeout=30)

    def __enter__(self) -> "Browser":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.http.close()

    def see(self, path: str, status: int = 200) -> str:
        """The text of a page."""
        answer = self.http.get(path)
        assert answer.status_code == status, answer.text
        return answer.text

    def press(self, path: str, *, on: str = "", **fields: str) -> httpx.Response:
        """Send a form to `path`, with the token that the page `on` (or the same address) holds."""
        found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', self.http.get(on or path).text)
        token = {"csrfmiddlewaretoken": found.group(1)} if found else {}
        return self.http.post(path, data=token | fields)

    def sign_in(self, person: Person, password: str = PASSWORD) -> httpx.Response:
        return self.press("/accounts/login", email=person.email, password=password)

    def is_signed_in(self) -> bool:
        return self.http.get("/accounts/security").status_code == 200
