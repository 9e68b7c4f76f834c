"""Very many clients at once, and the upstream behind them, all on one event loop of a thread of its own."""
import asyncio
import json
import random
import re
import threading

from upstream import DONE, chat, error, event, piece, usage

ALL_REFUSED = 1000  # so many refusals one after the other: nothing more fits, and nothing is in the air any more


NAMED = re.compile(rb'"max_(?:completion_)?tokens"\s*:\s*(-?[0-9.eE+]+)')


def most_asked(body, asked):
    """The most tokens that a body allows, however one reads it: what is named twice counts as the larger."""
    return int(max(0, *(float(n) for n in NAMED.findall(body)))) * asked.get("n", 1)


class Crowd:
    """
    Begin it with begin(), wait for its end with wait().

    hows     what the upstream does with a request, drawn for each: told, untold (no usage), understated (a
             third of it), cut (in mid-stream), failed (500)
    bodies   bodies(dice) is the body of a next request, as bytes
    told     tokens that the upstream has told it made; made: those it made
    more     tokens that it tells beyond what it was asked
    statuses of all answers, in their order
    """

    def __init__(self, seed, hows, bodies):
        self.seed, self.hows, self.bodies = seed, hows, bodies
        self.dice = random.Random(seed)
        self.told = self.made = self.asked = self.more = 0
        self.statuses, self.refused_in_turn = [], 0
        self.failures = []
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.server = self.call(asyncio.start_server(self.serve, "127.0.0.1", 0, backlog=1024))
        self.url = f"http://127.0.0.1:{self.server.sockets[0].getsockname()[1]}/v1"

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.call(self.end())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()
        assert kind or not self.failures, self.failures

    def call(self, coroutine, timeout=300):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(timeout)

    async def end(self):
        self.server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        [task.cancel() for task in others]
        await asyncio.gather(*others, return_exceptions=True)

    # the upstream

    async def serve(self, reader, writer):
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
                body = await reader.readexactly(length)
                if not self.say(writer, body):
                    break
                await writer.drain()
        except (asyncio.IncompleteReadError, OSError):
            pass
        except Exception as e:  # a defect of this file: __exit__ tells it
            self.failures.append(e)
        writer.close()

    def say(self, writer, body):
        """One answer; False: the connection ends here."""
        asked, how = json.loads(body), self.dice.choice(self.hows)
        most = most_asked(body, asked)
        made = self.more + (most if self.dice.random() < .5 else self.dice.randrange(most + 1))
        self.asked += 1
        if how == "failed":
            write(writer, 500, "application/json", json.dumps(error()).encode())
            return True
        self.made += made
        told = {"told": made, "understated": made // 3}.get(how)
        self.told += told or 0
        counts = None if told is None else usage(5, told)
        if how == "cut":
            first = event(piece("x"))
            writer.write(b"HTTP/1.1 200 Fine\r\ncontent-type: text/event-stream\r\n"
                         b"transfer-encoding: chunked\r\n\r\n%x\r\n%s\r\n" % (len(first), first))
            return False
        if asked.get("stream"):
            last = event({**piece(), "choices": [], "usage": counts}) if counts else b""
            write(writer, 200, "text/event-stream", event(piece("x")) + event(piece(finish="stop")) + last + DONE)
        else:
            write(writer, 200, "application/json", json.dumps(chat("x", counts=counts)).encode())
        return True

    # the clients

    def begin(self, port, key, clients, each=10**9, until_refused=True):
        """Each asks `each` times, or until the gateway is gone, or until nothing but refusals comes."""
        head = (f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\n"
                f"content-type: application/json\r\ncontent-length: ").encode()
        self.refused_in_turn = 0

        async def client(seed):
            dice, link = random.Random(seed), None
            for _ in range(each):
                if until_refused and self.refused_in_turn >= ALL_REFUSED:
                    break
                body = self.bodies(dice)
                try:
                    link = link or await asyncio.open_connection("127.0.0.1", port)
                    link[1].write(head + b"%d\r\n\r\n" % len(body) + body)
                    status = await read_answer(link[0])
                except ConnectionRefusedError:
                    break  # it was killed
                except (asyncio.IncompleteReadError, OSError):
                    link = None
                    continue
                self.statuses.append(status)
                self.refused_in_turn = self.refused_in_turn + 1 if status == 429 else 0
            if link:
                link[1].close()

        async def all_of_them():
            await asyncio.gather(*(client(f"{self.seed} {i}") for i in range(clients)))

        self.running = asyncio.run_coroutine_threadsafe(all_of_them(), self.loop)

    def wait(self, timeout=300):
        self.running.result(timeout)


def write(writer, status, kind, body):
    writer.write(f"HTTP/1.1 {status} So\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body)


async def read_answer(reader):
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = head.partition(b"content-length:")[2].split(b"\r\n")[0]
    if length:
        await reader.readexactly(int(length))
    else:
        while size := int(await reader.readuntil(b"\r\n"), 16):
            await reader.readexactly(size + 2)
        await reader.readexactly(2)
    return int(head.split(b" ")[1])
