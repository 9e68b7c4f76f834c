"""An upstream that speaks HTTP/2 over TLS: as upstream.py, but streams share a connection.

    def script(stream):
        stream.answer(chat("Hello"))
"""
import json
import select
import socket
import threading

import h2.config
import h2.connection
import h2.events

from upstream import WAIT_S

WINDOW_BYTES = 65535


class Stream:
    """One request, and the answer to it; its script runs on a thread of its own."""

    def __init__(self, connection, stream_id, headers):
        self.connection, self.id, self.headers = connection, stream_id, dict(headers)
        self.body = b""
        self.reset = threading.Event()  # the gateway takes no more of it
        self.sent_bytes = 0

    @property
    def json(self):
        return json.loads(self.body)

    def head(self, status=200, headers=()):
        self.connection.do(lambda h: h.send_headers(self.id, [(":status", str(status)), *headers]))

    def send(self, data, end=False):
        """As fast as the gateway's window allows; False once it has reset the stream."""
        while data or end:
            room = self.connection.wait_room(self)
            if self.reset.is_set():
                return False
            part, data = data[:room], data[room:]
            last = end and not data
            self.connection.do(lambda h: h.send_data(self.id, part, end_stream=last))
            self.sent_bytes += len(part)
            if last:
                break
        return True

    def answer(self, body, status=200):
        self.head(status, [("content-type", "application/json")])
        self.send(json.dumps(body).encode(), end=True)

    def stream(self, events):
        self.head(200, [("content-type", "text/event-stream")])
        self.send(b"".join(events), end=True)

    def abandon(self):
        """RST_STREAM."""
        self.connection.do(lambda h: h.reset_stream(self.id, error_code=2))


class Connection:
    def __init__(self, sock, upstream):
        self.sock, self.upstream = sock, upstream
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
        self.changed = threading.Condition()
        self.streams = {}
        self.open = True
        self.do(lambda h: h.initiate_connection())

    def do(self, what):
        """Says something; what a stream that was reset meanwhile wanted to say is dropped."""
        with self.changed:
            try:
                what(self.h2)
                self.flush()
            except (h2.exceptions.StreamClosedError, OSError):
                pass

    def flush(self):
        data = self.h2.data_to_send()
        if data:
            self.sock.setblocking(True)
            self.sock.sendall(data)

    def wait_room(self, stream):
        """How many bytes may be sent now; at least one, unless the stream was reset."""
        def room():
            if stream.reset.is_set() or not self.open:
                stream.reset.set()
                return 1
            return min(self.h2.local_flow_control_window(stream.id), self.h2.max_outbound_frame_size)
        with self.changed:
            assert self.changed.wait_for(lambda: room() > 0, WAIT_S), "the gateway opened no window"
            return room()

    def run(self):
        """Reads until the gateway closes."""
        try:
            while True:
                if not self.sock.pending():
                    select.select([self.sock], [], [])
                with self.changed:
                    data = self.sock.recv(65536)
                    if not data:
                        return
                    for event in self.h2.receive_data(data):
                        self.take(event)
                    self.flush()
                    self.changed.notify_all()
        except OSError:
            pass
        finally:
            with self.changed:
                self.open = False
                self.changed.notify_all()
            self.sock.close()

    def take(self, event):
        if isinstance(event, h2.events.RequestReceived):
            self.streams[event.stream_id] = Stream(self, event.stream_id, event.headers)
        elif isinstance(event, h2.events.DataReceived):
            self.streams[event.stream_id].body += event.data
            self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.StreamEnded):
            stream = self.streams[event.stream_id]
            self.upstream.streams.append(stream)
            threading.Thread(target=self.upstream.script, args=(stream,), daemon=True).start()
        elif isinstance(event, h2.events.StreamReset):
            self.streams[event.stream_id].reset.set()


class Http2Upstream:
    """Listens on a free port; tls: the context of a server that offers "h2" by ALPN."""

    def __init__(self, script, tls):
        self.script, self.tls = script, tls
        self.streams, self.connections = [], []
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = f"https://127.0.0.1:{self.listener.getsockname()[1]}/v1"
        threading.Thread(target=self.listen, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()
        for connection in self.connections:
            try:
                connection.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def listen(self):
        while True:
            try:
                sock, _ = self.listener.accept()
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                sock = self.tls.wrap_socket(sock, server_side=True)
            except OSError:
                return
            assert sock.selected_alpn_protocol() == "h2"
            connection = Connection(sock, self)
            self.connections.append(connection)
            threading.Thread(target=connection.run, daemon=True).start()
