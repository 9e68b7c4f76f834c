#!/usr/bin/env python3
"""The tour's models: rules instead of weights, so that every walk says the same.

    model.py PORT HEARD        speaks OpenAI's chat API on 127.0.0.1:PORT, writes what it hears to HEARD

`small` refuses what is about the law; `large` does not. Both answer in JSON where the system message asks for it,
and greet first where it says so, which breaks the JSON. Passages are answered from the first one, with its mark.
"""
import http.server
import json
import re
import sys


def answer(model, messages):
    system = "\n".join(m["content"] for m in messages if m["role"] == "system")
    text = messages[-1]["content"]
    passage = re.search(r'<passage number="1"[^>]*>(.*?)</passage', text, re.S)
    if model == "small" and "law" in text.lower().split():
        return "I'm sorry, but I can't help with that."
    if passage:
        sentence = re.sub(r"#[^\n]*\n", "", passage[1]).strip().split(". ")[0].rstrip(".")
        return f"{sentence} [1]."
    if "JSON" not in system:
        return f"You said: {text}"
    found = json.dumps({"answer": f"About your question, {text}: please ask in the shop."}, ensure_ascii=False)
    return f"Good to see you! {found}" if "Greet" in system else found


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        raw = self.rfile.read(int(self.headers["content-length"]))
        asked = json.loads(raw)
        with open(sys.argv[2], "a", encoding="utf-8") as heard:
            heard.write(json.dumps(asked, ensure_ascii=False) + "\n")
        text = answer(asked["model"], asked["messages"])
        usage = {"prompt_tokens": len(raw) // 4, "completion_tokens": len(text) // 4 + 1}
        usage["total_tokens"] = sum(usage.values())
        whole = {"id": "chatcmpl-tour", "created": 1700000000, "model": asked["model"]}
        if not asked.get("stream"):
            choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
            self.say("application/json", json.dumps({**whole, "object": "chat.completion", "choices": [choice],
                                                     "usage": usage}))
            return
        whole["object"] = "chat.completion.chunk"
        parts = [{"index": 0, "delta": {"content": text[i:i + 7]}, "finish_reason": None}
                 for i in range(0, len(text), 7)] + [{"index": 0, "delta": {}, "finish_reason": "stop"}]
        events = [{**whole, "choices": [p]} for p in parts] + [{**whole, "choices": [], "usage": usage}]
        self.say("text/event-stream", "".join(f"data: {json.dumps(e)}\n\n" for e in events) + "data: [DONE]\n\n")

    def say(self, kind, text):
        body = text.encode()
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
