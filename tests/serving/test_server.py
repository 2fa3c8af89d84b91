"""The process: slow and broken clients, a full house, a graceful end."""

from __future__ import annotations

import json
import socket
import threading
import time
from pathlib import Path

import httpx
import numpy as np
import pytest

from labkit.cli.serve import _key
from labkit.errors import InputError
from labkit.records import Memory, Query
from labkit.scoring.reranker import Reranker
from tests.serving.process import Server, lines, serving

pytestmark = pytest.mark.slow

TEXTS = ["the roof was mended by Ana", "it cost 340 pounds", "not by Bo (she said)."]
BODY = json.dumps({"query": "Who mended it?", "documents": TEXTS}).encode()
HEAD = (
    b"POST /v2/rerank HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
    b"Content-Length: %d\r\n\r\n"
)


def connect(server: Server) -> socket.socket:
    made = socket.create_connection(("127.0.0.1", server.port))
    made.settimeout(15)
    return made


def unlike(count: int, times: int) -> list[str]:
    """Long documents of which no two are equal, for equal ones are read once."""
    return [f"the roof {i} " * times for i in range(count)]


def read_all(connection: socket.socket) -> bytes:
    parts = []
    while part := connection.recv(65_536):
        parts.append(part)
    return b"".join(parts)


def test_it_serves_what_the_library_scores(server: Server, reranker: Reranker) -> None:
    answer = httpx.post(f"{server.url}/v2/rerank", content=BODY, headers=JSON).json()
    memories = [Memory(str(i), text) for i, text in enumerate(TEXTS)]
    ranking = reranker.rerank(Query("Who mended it?"), memories)
    assert [r["index"] for r in answer["results"]] == [int(m.id) for m in ranking.memories]
    scores = [r["relevance_score"] for r in answer["results"]]
    np.testing.assert_allclose(scores, ranking.probabilities, atol=1e-5)


JSON = {"content-type": "application/json"}


def test_a_head_that_never_ends_is_cut_off(server: Server) -> None:
    """Slow-loris: a byte now and then keeps no connection."""
    with connect(server) as loris:
        began = time.monotonic()
        with pytest.raises(OSError):  # noqa: PT012 (whichever byte finds it closed)
            loris.sendall(b"POST /v2/rerank HTTP/1.1\r\n")
            while time.monotonic() - began < 15:
                loris.sendall(b"X-A: b\r\n")
                time.sleep(0.2)
        assert 1.5 < time.monotonic() - began < 6


def test_so_is_the_second_on_a_connection(server: Server) -> None:
    with connect(server) as loris:
        loris.sendall(HEAD % len(BODY) + BODY)
        assert b" 200 OK" in loris.recv(65_536)
        began = time.monotonic()
        with pytest.raises(OSError):  # noqa: PT012
            while time.monotonic() - began < 15:
                loris.sendall(b"P")
                time.sleep(0.2)
        assert 1.5 < time.monotonic() - began < 6


@pytest.mark.parametrize("head", [HEAD % 1000, b"".join(
    [HEAD.partition(b"Content-Length")[0], b"Transfer-Encoding: chunked\r\n\r\n"])],
    ids=["length", "chunked"])  # fmt: skip
def test_a_body_that_never_ends_is_answered_with_408(server: Server, head: bytes) -> None:
    with connect(server) as loris:
        loris.sendall(head)
        began = time.monotonic()
        answer = read_all(loris)
        assert answer.startswith(b"HTTP/1.1 408") and 1.5 < time.monotonic() - began < 6


def test_the_slow_do_not_keep_the_quick_waiting(server: Server) -> None:
    slow = [connect(server) for _ in range(50)]
    try:
        for each in slow:
            each.sendall(b"POST / HTT")
        began = time.monotonic()
        answer = httpx.post(f"{server.url}/v2/rerank", content=BODY, headers=JSON)
        assert answer.status_code == 200 and time.monotonic() - began < 5
    finally:
        for each in slow:
            each.close()


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("megabytes", [2, 3, 10, 100])
def test_a_long_body_is_refused_in_bounded_memory(
    server: Server, megabytes: int, chunked: bool
) -> None:
    before = memory(server)
    part = b"x" * 2**20
    head = HEAD % (megabytes * len(part))
    if chunked:
        head = HEAD.partition(b"Content-Length")[0] + b"Transfer-Encoding: chunked\r\n\r\n"
    with connect(server) as sender:
        sender.sendall(head)
        try:
            for _ in range(megabytes):
                sender.sendall(b"%x\r\n%s\r\n" % (len(part), part) if chunked else part)
            if chunked:
                sender.sendall(b"0\r\n\r\n")
            answer = read_all(sender)
        except OSError:
            # Past four times the limit nobody reads any more: the sender may see no answer.
            assert megabytes > 4
        else:
            assert b" 413 " in answer[:20] or (megabytes > 4 and not answer)
    assert memory(server) - before < 30e6
    assert httpx.post(f"{server.url}/v2/rerank", content=BODY, headers=JSON).status_code == 200


def memory(server: Server) -> float:
    text = httpx.get(f"{server.url}/metrics").text
    line = next(x for x in text.splitlines() if x.startswith("process_resident_memory_bytes "))
    return float(line.split()[1])


@pytest.mark.parametrize(
    "data",
    [b"\x00" * 100, b"GET\r\n\r\n", b"POST / HTTP/9.9\r\n\r\n", b"\x16\x03\x01\x02\x00\x01",
     b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\n",
     b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999999999999999999\r\n\r\n",
     b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
     b"POST /rerank HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
     b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"],
    ids=lambda data: ascii(data[:20]),
)  # fmt: skip
def test_what_is_no_http_ends_its_own_connection_only(server: Server, data: bytes) -> None:
    with connect(server) as odd:
        try:
            odd.sendall(data)
            answer = odd.recv(65_536)  # it may be answered and kept open, or only ended
        except ConnectionError:
            answer = b""
    assert not answer.startswith(b"HTTP/1.1 5") and not answer.startswith(b"HTTP/1.1 2")
    assert httpx.get(f"{server.url}/readyz").status_code == 200


def test_who_leaves_early_takes_the_work_along(server: Server) -> None:
    body = json.dumps({"query": "Who?", "documents": unlike(1000, 60)}).encode()
    for _ in range(8):
        with connect(server) as leaver:
            leaver.sendall(HEAD % len(body) + body)
            time.sleep(0.05)
    end = time.monotonic() + 10
    while httpx.get(f"{server.url}/healthz").json()["waiting"] and time.monotonic() < end:
        time.sleep(0.1)
    assert httpx.get(f"{server.url}/healthz").json()["waiting"] == 0
    began = time.monotonic()
    assert httpx.post(f"{server.url}/v2/rerank", content=BODY, headers=JSON).status_code == 200
    assert time.monotonic() - began < 5


def test_too_much_is_429_and_a_stop_finishes_what_was_taken(
    checkpoint: Path, tmp_path: Path
) -> None:
    body = {"query": "Who mended it?", "documents": unlike(100, 20)}
    answers: list[httpx.Response] = []
    with serving(checkpoint, tmp_path / "log", "--max-waiting", "300") as server:

        def call() -> None:
            answers.append(httpx.post(f"{server.url}/v2/rerank", json=body, timeout=60))

        def callers(count: int) -> list[threading.Thread]:
            made = [threading.Thread(target=call) for _ in range(count)]
            for caller in made:
                caller.start()
            return made

        for caller in callers(24):
            caller.join(60)
        assert len(answers) == 24 and {a.status_code for a in answers} == {200, 429}
        refused = [a for a in answers if a.status_code == 429]
        assert all(1 <= int(a.headers["retry-after"]) <= 60 for a in refused)

        answers.clear()
        body["documents"] = unlike(1000, 100)
        started = callers(1)
        end = time.monotonic() + 30
        while httpx.get(f"{server.url}/healthz").json()["waiting"] < 300:
            assert time.monotonic() < end, "it was done before anybody saw it wait"
            time.sleep(0.01)
        assert server.stop(60) == 0
        started[0].join(10)
    assert [a.status_code for a in answers] == [200]
    assert len(answers[0].json()["results"]) == 1000
    logged = [json.loads(line) for line in lines(server) if line.startswith("{")]
    assert sum(line.get("route") == "/v2/rerank" for line in logged) == 25
    assert "Traceback" not in server.log.read_text()


def test_what_is_not_scored_in_time_is_504_and_a_key_comes_from_the_environment(
    checkpoint: Path, tmp_path: Path
) -> None:
    body = {"query": "Who mended it?", "documents": unlike(1000, 100)}
    key = {"LABKIT_API_KEY": "sesame"}
    named = {"authorization": "Bearer sesame"}
    with serving(checkpoint, tmp_path / "log", "--timeout", "0.1", environment=key) as server:
        url = f"{server.url}/v2/rerank"
        assert httpx.post(url, json=body, timeout=60).status_code == 401
        answer = httpx.post(url, json=body, timeout=60, headers=named)
        assert answer.status_code == 504 and "0.1 s" in answer.json()["error"]
        time.sleep(1)
        assert httpx.get(f"{server.url}/healthz").json()["waiting"] == 0
        assert "sesame" not in server.log.read_text()


@pytest.mark.parametrize(
    "options, expected",
    [
        (["--host", ""], "--host is empty"),
        (["--host", "a" * 64 + ".b"], "cannot listen on"),
        (["--timeout", "inf"], "--timeout is inf, expected a finite number"),
        (["--max-body-mb", "inf"], "--max-body-mb is inf, expected a finite number"),
        (["--lab", "--host", "0.0.0.0"], "without a key would let everybody in"),
    ],
)
def test_what_cannot_be_served_is_one_line_before_a_model_is_loaded(
    options: list[str], expected: str, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    from labkit import cli

    monkeypatch.delenv("LABKIT_API_KEY", raising=False)
    monkeypatch.setattr("sys.argv", ["labkit", "serve", "--port", "0", "--model", "none", *options])
    with pytest.raises(SystemExit) as end:
        cli.main()
    err = capsys.readouterr().err
    assert end.value.code == 2 and expected in err and len(err.splitlines()) == 1, err


@pytest.mark.parametrize("content", ["two words", "schl\u00fcssel", " "])
def test_a_key_of_the_environment_is_one_word_too(
    content: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LABKIT_API_KEY", content)
    with pytest.raises(InputError, match="LABKIT_API_KEY holds no key, expected one word"):
        _key(None)
    monkeypatch.setenv("LABKIT_API_KEY", "sesame\n")
    assert _key(None) == "sesame"
    monkeypatch.delenv("LABKIT_API_KEY")
    assert _key(None) is None


@pytest.mark.parametrize("content", ["", " \n", "two words", "schl\u00fcssel"])
def test_a_key_file_holds_one_word(tmp_path: Path, content: str) -> None:
    file = tmp_path / "key"
    file.write_text(content)
    with pytest.raises(InputError, match="one word"):
        _key(file)
    file.write_text(" sesame\n")
    assert _key(file) == "sesame"
    with pytest.raises(InputError, match="expected a file"):
        _key(tmp_path / "none")
