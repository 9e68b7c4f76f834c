"""A scripted upstream: says exactly the bytes that a test wants, and remembers all that it heard.

    def script(peer):
        peer.answer(chat("Hello"))
    with Upstream(script) as up: ...

`script(peer)` is called once a request, on a thread of its connection.  Nothing sleeps: a
script that waits does so for an event of the test, or for its peer to close.
"""
import collections
import json
import select
import socket
import struct
import threading
import time

WAIT_S = 20  # how long anything may take before a test fails


class Request:
    """One request as it came: raw bytes, and read as HTTP."""

    def __init__(self, head, body):
        self.raw_head, self.body = head, body
        first, *lines = head.decode("latin-1").split("\r\n")
        self.method, self.target, _ = first.split(" ", 2)
        self.headers = [tuple(part.strip() for part in line.split(":", 1)) for line in lines if line]

    def header(self, name):
        return next((v for k, v in self.headers if k.lower() == name), None)

    @property
    def json(self):
        return json.loads(self.body)


class Closed(Exception):
    """The peer has gone."""


class Peer:
    """The gateway, seen from its upstream: one connection."""

    def __init__(self, sock, upstream):
        self.sock, self.upstream = sock, upstream
        self.buffer = b""
        self.received = b""
        self.closed = threading.Event()
        self.closed_at = None  # monotonic
        self.request = None
        self.index = None  # which request of the upstream this is, from 0
        self.stopped = False
        self.write_lock = threading.Lock()

    # what a script says

    def send(self, data):
        try:
            self.sock.sendall(data)
        except OSError:
            self.note_close()

    def head(self, status=200, headers=(), reason="Said so"):
        lines = [f"HTTP/1.1 {status} {reason}"] + [f"{k}: {v}" for k, v in headers]
        self.send("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n")

    def answer(self, body, status=200, headers=()):
        """A whole answer; body is bytes, or what becomes JSON."""
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        self.head(status, [("content-type", "application/json"), *headers, ("content-length", len(body))])
        self.send(body)

    def stream_head(self, headers=()):
        self.head(200, [("content-type", "text/event-stream"), *headers, ("transfer-encoding", "chunked")])

    def chunk(self, data):
        self.send(b"%x\r\n%s\r\n" % (len(data), data))

    def event(self, data, name=None):
        self.chunk(event(data, name))

    def end(self):
        self.send(b"0\r\n\r\n")

    def stream(self, events):
        """A whole stream; each of `events` is the bytes of one."""
        self.stream_head()
        for data in events:
            self.chunk(data)
        self.end()

    def cut(self):
        """FIN, now."""
        self.stop()

    def reset(self):
        """RST, now."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.stop()

    def stall(self):
        """Says nothing more until the peer leaves."""
        self.wait_closed()

    def wait_closed(self, timeout=WAIT_S):
        """When the peer closed, by the monotonic clock."""
        while not self.closed.is_set():
            self.read_more(timeout)
        return self.closed_at

    # its own

    def note_close(self):
        if not self.closed.is_set():
            self.closed_at = time.monotonic()
            self.closed.set()

    def stop(self):
        self.stopped = True
        self.note_close()
        self.sock.close()

    def read_more(self, timeout=None):
        if self.closed.is_set():
            return False
        try:
            pending = getattr(self.sock, "pending", lambda: 0)()  # TLS has read it, select() cannot know
            if timeout is not None and not pending and not select.select([self.sock], [], [], timeout)[0]:
                raise AssertionError(f"the gateway did not close its connection in {timeout} s")
            data = self.sock.recv(65536)
        except OSError:
            data = b""
        if not data:
            self.note_close()
            return False
        self.buffer += data
        self.received += data
        return True

    def take(self, n):
        while len(self.buffer) < n:
            if not self.read_more():
                raise Closed
        data, self.buffer = self.buffer[:n], self.buffer[n:]
        return data

    def take_until(self, mark):
        while mark not in self.buffer:
            if not self.read_more():
                raise Closed
        return self.take(self.buffer.index(mark) + len(mark))

    def read_request(self):
        head = self.take_until(b"\r\n\r\n")[:-4]
        request = Request(head, b"")
        if (request.header("transfer-encoding") or "").lower() == "chunked":
            while size := int(self.take_until(b"\r\n"), 16):
                request.body += self.take(size)
                self.take(2)
            self.take(2)
        else:
            request.body = self.take(int(request.header("content-length") or 0))
        return request


class Upstream:
    """
    Listens on a free port; `script` is a function, or a list of them for one request each.
    tls: an ssl.SSLContext of a server; a handshake that fails is noted in refused_handshakes.
    """

    def __init__(self, script, tls=None):
        self.tls = tls
        self.refused_handshakes = []
        self.script = script if callable(script) else None
        self.scripts = collections.deque(() if callable(script) else script)
        self.requests = []
        self.peers = []
        self.failures = []
        self.changed = threading.Condition()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = self.listener.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}/v1"
        self.thread = threading.Thread(target=self.listen, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.close()
        if kind is None and self.failures:
            raise self.failures[0]

    def close(self):
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        for peer in list(self.peers):
            try:
                peer.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def listen(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            peer = Peer(sock, self)
            with self.changed:
                self.peers.append(peer)
                self.changed.notify_all()
            threading.Thread(target=self.serve, args=(peer,), daemon=True).start()

    def serve(self, peer):
        try:
            if self.tls and not self.shake_hands(peer):
                return
            while not peer.stopped:
                request = peer.read_request()
                with self.changed:
                    peer.request, peer.index = request, len(self.requests)
                    self.requests.append(request)
                    script = self.script or (self.scripts.popleft() if self.scripts else refuse)
                    self.changed.notify_all()
                script(peer)
        except Closed:
            pass
        except OSError:
            peer.note_close()
        except Exception as e:  # a defect of the script: the test is told at its end
            self.failures.append(e)
        finally:
            peer.sock.close()
            with self.changed:
                self.changed.notify_all()

    def shake_hands(self, peer):
        try:
            peer.sock = self.tls.wrap_socket(peer.sock, server_side=True)
            return True
        except OSError as e:  # ssl.SSLError is one
            self.refused_handshakes.append(e)
            return False

    def wait_requests(self, n, timeout=WAIT_S):
        """Until n requests have come."""
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.requests) >= n, timeout), \
                f"{len(self.requests)} of {n} requests came in {timeout} s"
            return self.requests[n - 1]

    @property
    def last(self):
        return self.requests[-1]


def refuse(peer):
    raise AssertionError(f"a request that no script waits for: {peer.request.target}")


# What upstreams say.

def event(data, name=None):
    """The bytes of one event; data is text, bytes, or what becomes JSON."""
    if isinstance(data, (dict, list)):
        data = json.dumps(data)
    if isinstance(data, str):
        data = data.encode()
    return (f"event: {name}\n".encode() if name else b"") + b"data: " + data + b"\n\n"


DONE = event("[DONE]")


def usage(input_tokens=9, output_tokens=2, **details):
    """`cached=` and `reasoning=` go where OpenAI puts them."""
    u = {"prompt_tokens": input_tokens, "completion_tokens": output_tokens,
         "total_tokens": input_tokens + output_tokens}
    if "cached" in details:
        u["prompt_tokens_details"] = {"cached_tokens": details["cached"]}
    if "reasoning" in details:
        u["completion_tokens_details"] = {"reasoning_tokens": details["reasoning"]}
    return u


def chat(text="Hello there", counts=True, model="/models/some file.gguf", **more):
    """A chat completion; counts: its usage, True for usage(), None for none."""
    body = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1700000000, "model": model,
            "choices": [{"index": 0, "message": {"role": "assistant", "content": text, "refusal": None},
                         "logprobs": None, "finish_reason": "stop"}]}
    if counts:
        body["usage"] = usage() if counts is True else counts
    return {**body, **more}


def piece(delta=None, finish=None, model="/models/some file.gguf", index=0, **more):
    """A chunk of a chat stream; text is a delta of content."""
    if isinstance(delta, str):
        delta = {"content": delta}
    return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1700000000, "model": model,
            "choices": [{"index": index, "delta": delta or {}, "logprobs": None, "finish_reason": finish}], **more}


def chat_stream(words=("Hello", " there"), counts=True, finish="stop", done=True):
    """The events of a whole chat stream, as OpenAI sends it."""
    events = [event(piece({"role": "assistant", "content": ""}))]
    events += [event(piece(word)) for word in words]
    if finish:
        events.append(event(piece(finish=finish)))
    if counts:
        events.append(event({**piece(), "choices": [], "usage": usage() if counts is True else counts}))
    if done:
        events.append(DONE)
    return events


def error(status_type="server_error", code=None, message="it went wrong"):
    return {"error": {"message": message, "type": status_type, "param": None, "code": code}}
