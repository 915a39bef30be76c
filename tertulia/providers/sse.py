"""Incremental decoder for server-sent events over bytes; the provider clients feed it network reads.

Follows https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream, keeping
only the `data` field: no model provider's stream needs `event`, `id` or `retry`.
"""

from collections.abc import Iterator

# A token event has about 230 bytes; 4 MB leaves room for whole answers in one event and bounds memory.
MAX_EVENT_BYTES = 4 * 1024 * 1024
_BOM = b"\xef\xbb\xbf"


class EventTooLarge(ValueError):
    """One event, or one line of it, is longer than the decoder's limit."""


class EventDecoder:
    """Turns any splitting of a stream into the same data payloads.

    Works on bytes and cuts only at CR, LF and CRLF, so characters may be split anywhere, and U+0085 or
    U+2028 inside JSON do not end a line (str.splitlines would cut there).
    """

    __slots__ = ("_at_start", "_data", "_data_bytes", "_limit", "_partial", "_partial_bytes", "_skip_lf")

    def __init__(self, limit: int = MAX_EVENT_BYTES) -> None:
        self._limit = limit
        self._at_start = True
        self._skip_lf = False  # the last read ended in CR: an LF that begins the next belongs to it
        self._partial: list[bytes] = []  # pieces of the unfinished line, joined once
        self._partial_bytes = 0
        self._data: list[bytes] = []
        self._data_bytes = 0

    def feed(self, read: bytes) -> Iterator[bytes]:
        """Yield the payload of every event that `read` completes; raises EventTooLarge.

        Lazy, so that a large read of small events is never held twice: consume it to the end.
        """
        text = self._with_plain_newlines(read) if self._skip_lf or b"\r" in read else read
        start = 0
        end = text.find(b"\n")
        while end >= 0:
            line = text[start:end]
            if self._partial or self._at_start:
                line = self._completed(line)
            if line:
                self._take(line)
            elif self._data:
                yield self._event()
            start = end + 1
            end = text.find(b"\n", start)
        if start < len(text):
            self._keep_partial(text[start:])

    def _with_plain_newlines(self, read: bytes) -> bytes:
        if self._skip_lf and read:
            read = read.removeprefix(b"\n")
            self._skip_lf = False
        if read.endswith(b"\r"):
            self._skip_lf = True
        return read.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _take(self, line: bytes) -> None:
        self._check_size(len(line))
        name, _, value = line.partition(b":")
        if name == b"data":
            self._data.append(value.removeprefix(b" "))
            self._data_bytes += len(line)

    def _event(self) -> bytes:
        payload = self._data[0] if len(self._data) == 1 else b"\n".join(self._data)
        self._data.clear()
        self._data_bytes = 0
        return payload

    def _keep_partial(self, piece: bytes) -> None:
        self._check_size(self._partial_bytes + len(piece))
        self._partial.append(piece)
        self._partial_bytes += len(piece)

    def _completed(self, line: bytes) -> bytes:
        """The whole line that ends with this piece; without the mark that may begin the stream."""
        self._check_size(self._partial_bytes + len(line))
        if self._partial:
            line = b"".join((*self._partial, line))
            self._partial.clear()
            self._partial_bytes = 0
        if self._at_start:
            self._at_start = False
            line = line.removeprefix(_BOM)
        return line

    def _check_size(self, line_bytes: int) -> None:
        if self._data_bytes + line_bytes > self._limit:
            raise EventTooLarge
