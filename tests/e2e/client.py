"""A caller that can misbehave: one HTTP/1.1 connection, its bytes in the test's hands."""
import json
import select
import socket
import struct
import time

WAIT_S = 20


class Gone(Exception):
    """The gateway closed the connection; `reset` if by RST."""

    def __init__(self, reset=False):
        super().__init__("reset" if reset else "closed")
        self.reset = reset


class Answer:
    def __init__(self, status, headers):
        self.status, self.headers, self.body = status, headers, b""

    def header(self, name):
        return next((v for k, v in self.headers if k.lower() == name), None)

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def error(self):
        """The error object; it has its four members and no others."""
        members = self.json["error"]
        assert set(members) == {"message", "type", "param", "code"}, members
        return members

    @property
    def text(self):
        return self.json["choices"][0]["message"]["content"]


class Connection:
    def __init__(self, port, receive_bytes=None):
        self.sock = socket.socket()
        if receive_bytes:  # before connect, or the window is negotiated already
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self.sock.settimeout(WAIT_S)
        self.sock.connect(("127.0.0.1", port))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        self.chunked = False
        self.left = 0  # bytes of the current body that are still to come; None: until close

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    # ways to speak

    def send(self, data):
        self.sock.sendall(data)

    def request(self, method, target, headers=(), body=None):
        self.send(request_bytes(method, target, headers, body))

    # ways to leave

    def close(self):
        self.sock.close()

    def half_close(self):
        self.sock.shutdown(socket.SHUT_WR)

    def reset(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    # ways to listen

    def more(self, n=65536):
        try:
            data = self.sock.recv(n)
        except ConnectionResetError:
            raise Gone(reset=True) from None
        if not data:
            raise Gone
        self.buffer += data

    def take(self, n):
        while len(self.buffer) < n:
            self.more()
        data, self.buffer = self.buffer[:n], self.buffer[n:]
        return data

    def take_until(self, mark):
        while mark not in self.buffer:
            self.more()
        return self.take(self.buffer.index(mark) + len(mark))

    def has_more(self):
        """Whether bytes are here already."""
        return bool(self.buffer) or bool(select.select([self.sock], [], [], 0)[0])

    def read_head(self):
        first, *lines = self.take_until(b"\r\n\r\n")[:-4].decode("latin-1").split("\r\n")
        headers = [tuple(p.strip() for p in line.split(":", 1)) for line in lines]
        answer = Answer(int(first.split(" ")[1]), headers)
        self.chunked = (answer.header("transfer-encoding") or "").lower() == "chunked"
        length = answer.header("content-length")
        self.left = None if length is None else int(length)
        if answer.status in (204, 304):
            self.left = 0
        return answer

    def read_part(self):
        """The next bytes of the body; b"" when it has ended as it should."""
        if self.chunked:
            size = int(self.take_until(b"\r\n"), 16)
            data = self.take(size)
            self.take(2)
            return data
        if self.left == 0:
            return b""
        if not self.buffer:
            try:
                self.more()
            except Gone as gone:
                if self.left is None and not gone.reset:
                    return b""
                raise
        n = len(self.buffer) if self.left is None else min(self.left, len(self.buffer))
        if self.left is not None:
            self.left -= n
        return self.take(n)

    def read_body(self):
        parts = []
        while part := self.read_part():
            parts.append(part)
        return b"".join(parts)

    def read_answer(self):
        answer = self.read_head()
        answer.body = self.read_body()
        return answer

    def wait_closed(self, timeout=WAIT_S):
        """When the gateway closed, by the monotonic clock; what it still says is kept."""
        self.sock.settimeout(timeout)
        try:
            while True:
                self.more()
        except Gone:
            return time.monotonic()


class Stream:
    """An answer that is a stream, read event by event."""

    def __init__(self, connection):
        self.connection = connection
        self.answer = connection.read_head()
        self.raw = b""
        self.rest = b""
        self.cut = False  # the body did not end as it should

    def more(self):
        try:
            part = self.connection.read_part()
        except Gone:
            self.cut = True
            part = b""
        self.raw += part
        self.rest += part
        return bool(part)

    def next(self):
        """The next event or comment, as bytes without its blank line; None at the end."""
        while b"\n\n" not in self.rest:
            if not self.more():
                return None
        block, _, self.rest = self.rest.partition(b"\n\n")
        return block

    def events(self):
        """All data from here on, JSON read; "[DONE]" as it is."""
        found = []
        while (block := self.next()) is not None:
            data = data_of(block)
            if data is not None:
                found.append(data)
        return found


def data_of(block):
    lines = [line[5:].removeprefix(b" ") for line in block.split(b"\n") if line.startswith(b"data:")]
    if not lines:
        return None
    text = b"\n".join(lines)
    return "[DONE]" if text == b"[DONE]" else json.loads(text)


def request_bytes(method, target, headers=(), body=None):
    """body: bytes, or what becomes JSON."""
    lines = [f"{method} {target} HTTP/1.1", "host: 127.0.0.1"]
    if body is not None and not isinstance(body, bytes):
        body = json.dumps(body).encode()
    if body is not None:
        lines.append(f"content-length: {len(body)}")
        if not any(k.lower() == "content-type" for k, _ in headers):
            lines.append("content-type: application/json")
    lines += [f"{k}: {v}" for k, v in headers]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + (body or b"")
