"""An OpenAI-compatible server on loopback that does what a test tells it to, faults included."""

from __future__ import annotations

import json
import math
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


@dataclass
class Answer:
    """One HTTP reply. ``body`` is sent as JSON unless it is text already."""

    body: Any
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    cut: bool = False
    """Send the first half of the body and close the connection."""


@dataclass
class Call:
    """One request for a chat completion, and whether its reply went out whole."""

    body: dict[str, Any]
    started: float
    status: int = 0
    finished: bool = False

    @property
    def prompt(self) -> str:
        return "\n\n".join(message["content"] for message in self.body["messages"])


Behaviour = Callable[[dict[str, Any]], Answer]


def completion(
    text: str | None,
    *,
    finish_reason: str = "stop",
    refusal: str | None = None,
    logprobs: Any = None,
    usage: tuple[int, int] | None = (100, 20),
) -> dict[str, Any]:
    message = {"role": "assistant", "content": text, "refusal": refusal}
    choice = {
        "index": 0,
        "message": message,
        "finish_reason": finish_reason,
        "logprobs": logprobs,
    }
    body: dict[str, Any] = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 0,
        "model": "fake",
        "choices": [choice],
    }
    if usage is not None:
        body["usage"] = {
            "prompt_tokens": usage[0],
            "completion_tokens": usage[1],
            "total_tokens": sum(usage),
        }
    return body


def says(value: object, **details: Any) -> Answer:
    """A reply whose text is this text, or this value as JSON."""
    text = value if isinstance(value, str) else json.dumps(value)
    return Answer(completion(text, **details))


def fails(status: int, message: str = "no", **details: Any) -> Answer:
    return Answer(
        {"error": {"message": message, "type": "error", "param": None, "code": None}},
        status=status,
        **details,
    )


def in_turn(*answers: Answer) -> Behaviour:
    """Give these answers one after the other; the last one stays."""
    lock, left = threading.Lock(), list(answers)

    def behave(body: dict[str, Any]) -> Answer:
        with lock:
            return left.pop(0) if len(left) > 1 else left[0]

    return behave


class FakeOpenAI:
    """``with FakeOpenAI(behaviour) as server`` serves at ``server.url`` and logs ``calls``."""

    def __init__(self, behave: Behaviour, port: int = 0) -> None:
        self.behave = behave
        self.calls: list[Call] = []
        self.most_at_once = 0
        self._at_once = 0
        self._lock = threading.Lock()
        self._http = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}/v1"

    @property
    def finished(self) -> list[Call]:
        with self._lock:
            return [call for call in self.calls if call.finished]

    def __enter__(self) -> Self:
        threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()

    def _serve(self, request: BaseHTTPRequestHandler) -> None:
        length = int(request.headers["content-length"])
        body = json.loads(request.rfile.read(length))
        call = Call(body, time.monotonic())
        with self._lock:
            self.calls.append(call)
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            answer = self.behave(body)
            time.sleep(answer.delay)
            text = answer.body if isinstance(answer.body, str) else json.dumps(answer.body)
            raw = text.encode()
            call.status = answer.status
            # Before the client can know that it is done, and start another.
            with self._lock:
                self._at_once -= 1
            request.send_response(answer.status)
            for name, value in ({"content-type": "application/json"} | answer.headers).items():
                request.send_header(name, value)
            request.send_header("content-length", str(len(raw)))
            request.end_headers()
            if answer.cut:
                request.wfile.write(raw[: len(raw) // 2])
                request.close_connection = True
                return
            request.wfile.write(raw)
            request.wfile.flush()
            call.finished = answer.status == 200
        except (BrokenPipeError, ConnectionResetError):
            pass  # the client gave up, or was killed

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # Else head and body leave apart, and the client's delayed ACK costs 40 ms a call.
            disable_nagle_algorithm = True
            wbufsize = 1 << 20

            def do_POST(self) -> None:
                server._serve(self)

            def do_GET(self) -> None:
                raw = b'{"object": "list", "data": []}'
                self.send_response(200)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            def log_message(self, *_: object) -> None:
                pass

        return Handler


# --- a model that can write ----------------------------------------------------------------------

_FRAME = re.compile(r"The ([a-z ]+), as quoted data .*?<<<data (\w+)>>>\n(.*?)\n<<<end \2>>>", re.S)


def framed(prompt: str) -> dict[str, list[dict[str, Any]]]:
    """The data in a prompt: what it is called -> its items."""
    return {
        what: [json.loads(line) for line in body.splitlines() if line]
        for what, _, body in _FRAME.findall(prompt)
    }


def _ordered(prompt: str) -> list[str]:
    return re.findall(r"^- ([a-z_]+): ", prompt.rpartition("in this order:")[2], re.M)


def _quoted(text: str) -> list[str]:
    return re.findall(r"«(.*?)»", text, re.S)


def schema_of(body: dict[str, Any]) -> str:
    """The name of the schema; by what is said of it in words, where there is nothing else."""
    if "response_format" in body:
        return str(body["response_format"]["json_schema"]["name"])
    told = body["messages"][0]["content"]
    for key in ("answered", "instruction", "negatives", "queries", "turns", "memories"):
        if f'"{key}"' in told.rpartition("JSON schema: ")[2]:
            return {
                "answered": "verdict",
                "turns": "history",
                "memories": "persona_history",
            }.get(key, key)
    raise AssertionError("a request without a schema")


def _queries(prompt: str, data: dict[str, list[dict[str, Any]]]) -> Iterator[dict[str, Any]]:
    memories = data["memories"]
    for i, kind in enumerate(_ordered(prompt)):
        count = 0 if kind == "abstain" else 2 if kind == "multi_hop" else 1
        evidence = [memories[(2 * i + j) % len(memories)] for j in range(count)]
        quotes = " and ".join(f"«{memory['text']}»" for memory in evidence)
        yield {
            "kind": kind,
            "query": f"Which {kind} say {quotes or 'what nobody said'}?",
            "context": [{"speaker": "Ana", "text": "And that place?"}] * (kind == "coreference"),
            "query_time": "2027-01-01",
            "labels": [{"id": memory["id"], "label": 1.0} for memory in evidence],
            "why": "It says so.",
        }


def a_writer(body: dict[str, Any]) -> Any:
    """What a flawless model would answer; the same request always gets the same answer."""
    prompt = body["messages"][1]["content"]
    data = framed(prompt)
    match schema_of(body):
        case "history":
            turns = data["conversation"][:12]
            return {
                "memories": [
                    {
                        "text": f"Remembered: {turn['text']}",
                        "time": turn["time"],
                        "speaker": "assistant",
                        "turns": [turn["id"]],
                    }
                    for turn in turns
                ]
            }
        case "persona_history":
            who = data["person"][0]["persona"]
            return {
                "memories": [
                    {"text": f"{who}, thing {i}", "time": f"2026-{i:02d}-02", "speaker": "note"}
                    for i in range(1, 11)
                ]
            }
        case "queries":
            return {"queries": list(_queries(prompt, data))}
        case "negatives":
            mark = sha256(data["question"][0]["question"].encode()).hexdigest()[:8]
            times = [memory["time"] for memory in data["other memories"]]
            return {
                "negatives": [
                    {
                        "kind": kind,
                        "text": f"Almost, by {kind} ({i}, {mark}).",
                        "time": times[i],
                        "speaker": "Bo",
                        "label": 0.3,
                    }
                    for i, kind in enumerate(_ordered(prompt))
                ]
            }
        case "instruction":
            quotes = _quoted(data["question"][0]["question"])
            ids = [memory["id"] for memory in data["memories"] if memory["text"] in quotes]
            labels = [{"id": id_, "label": 1.0} for id_ in ids]
            return {"instruction": "Look for what was said.", "labels": labels}
        case "verdict":
            quotes = _quoted(data["question"][0]["question"])
            ids = [memory["id"] for memory in data["memories"] if memory["text"] in quotes]
            answered = "no" if not ids else "yes" if len(ids) == len(quotes) else "partly"
            return {"answered": answered, "ids": ids, "answer": "That one."}
        case name:
            raise AssertionError(name)


def writes(body: dict[str, Any]) -> Answer:
    """Behave like :func:`a_writer`, with token counts that follow the texts."""
    text = json.dumps(a_writer(body))
    size = len(json.dumps(body["messages"]).encode())
    return Answer(completion(text, usage=(size // 4, len(text) // 4)))


# --- a model that can teach ----------------------------------------------------------------------


def worth(item: dict[str, Any]) -> float:
    """What a memory says that it is worth: the number after "worth" in its text; else 0."""
    found = re.search(r"worth (\d\.\d+)", item["text"])
    return float(found[1]) if found else 0.0


def digits_of(said: str, shares: dict[str, float]) -> Any:
    """Log-probabilities of a reply of one token, and of what could have stood there."""
    ordered = sorted(shares.items(), key=lambda pair: -pair[1])
    top = [{"token": d, "logprob": math.log(max(p, 1e-9)), "bytes": None} for d, p in ordered]
    own = next(each for each in top if each["token"] == said)
    return {"content": [{**own, "top_logprobs": top}]}


def teaches(body: dict[str, Any]) -> Answer:
    """A teacher that goes by :func:`worth`, and obeys orders that stand outside the frames."""
    prompt = body["messages"][1]["content"]
    data = framed(prompt)
    outside = _FRAME.sub("", prompt)
    size = len(json.dumps(body["messages"]).encode())
    digit = body.get("logprobs", "one digit" in body["messages"][0]["content"])
    if "memory" in data:
        value = worth(data["memory"][0])
        if digit:
            level = min(int(value * 5), 4)
            shares = {str(d + 1): 0.8 if d == level else 0.05 for d in range(5)}
            text = str(level + 1)
            logprobs = digits_of(text, shares)
        else:
            weights = {"relevance": 30, "attribute_precision": 30, "completeness": 25}
            points = {name: weight * value for name, weight in (weights | {"density": 15}).items()}
            text, logprobs = json.dumps({"reason": "So it says.", **points}), None
    else:
        ahead = worth(data["first memory"][0]) - worth(data["second memory"][0])
        if "choose me" in outside.lower():
            ahead = 1.0
        if digit:
            first = 1 / (1 + math.exp(-6 * ahead))
            shares = {"1": 0.9 * first, "2": 0.9 * (1 - first), "0": 0.1}
            text = max(shares, key=lambda d: shares[d])
            logprobs = digits_of(text, shares)
        else:
            side = "first" if ahead > 0 else "second"
            step = f"{side} much better" if abs(ahead) > 0.35 else f"{side} better"
            said = "equal" if abs(ahead) < 0.05 else step
            criteria = ("relevance", "attribute_precision", "completeness", "density")
            text = json.dumps({"reason": "So they say.", **dict.fromkeys(criteria, said)})
            logprobs = None
    return Answer(completion(text, usage=(size // 4, len(text) // 4 + 1), logprobs=logprobs))
