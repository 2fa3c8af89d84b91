"""A reranker that lives in another process: ``labkit serve``, spoken to over HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import httpx

from labkit.errors import InputError
from labkit.records import Memory, Query, Ranking, Turn


class RemoteReranker:
    """Ranks as :class:`~labkit.scoring.reranker.Reranker` does, from any number of threads.

    Args:
        url: of the server, for example ``http://127.0.0.1:8080``.
        key: the server's key, where it has one.
        timeout: seconds for an answer.
    """

    def __init__(self, url: str, *, key: str | None = None, timeout: float = 10.0) -> None:
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        self._http = httpx.Client(base_url=url.rstrip("/"), headers=headers, timeout=timeout)
        self.name = url

    def threshold(self, name_or_value: str | float) -> float:
        """A number as it is, or the server's operating point of that name.

        Raises:
            InputError: there is none, or the number is none from 0 to 1.
        """
        try:
            value = float(name_or_value)
        except ValueError:
            named = self._ask("GET", "/healthz", needed="thresholds")["thresholds"]
            value = named.get(name_or_value, float("nan"))
        if not 0 <= value <= 1:
            raise InputError(
                f"threshold is {name_or_value!r}, expected a number from 0 to 1, or an operating "
                f"point of the server's model"
            )
        return value

    def rerank(self, query: Query, candidates: Sequence[Memory]) -> Ranking:
        """All candidates, best first.

        Raises:
            InputError: the server cannot use the request.
            TimeoutError: it did not answer in time.
            ConnectionError: it cannot be reached, is overloaded, or failed.
        """
        if not candidates:
            return Ranking(query, (), (), (), (), self.name)
        answer = self._ask(
            "POST",
            "/v2/rerank",
            {
                "query": query.text,
                "query_time": query.time,
                "instruction": query.instruction,
                "context": [_turn(turn) for turn in query.context],
                "documents": [
                    {
                        "text": memory.text,
                        "time": memory.time,
                        "speaker": memory.speaker,
                        "previous": _turn(memory.previous) if memory.previous else None,
                    }
                    for memory in candidates
                ],
            },
            needed="labkit",
        )
        results, extension = answer["results"], answer["labkit"]
        places = [result["index"] for result in results]
        if sorted(places) != list(range(len(candidates))):
            raise ConnectionError(f"{self.name} did not rank all of the {len(candidates)} memories")
        return Ranking(
            query=query,
            memories=tuple(candidates[place] for place in places),
            log_odds=tuple(extension["log_odds"]),
            probabilities=tuple(result["relevance_score"] for result in results),
            first_stage_ranks=tuple(place + 1 for place in places),
            model=extension["model"],
            truncated=frozenset(candidates[place].id for place in extension["truncated"]),
            answerable=extension.get("answerable"),
        )

    def _ask(self, method: str, path: str, body: object = None, *, needed: str) -> dict[str, Any]:
        try:
            answer = self._http.request(method, path, json=body)
        except httpx.TimeoutException:
            raise TimeoutError(f"{self.name} did not answer in time") from None
        except httpx.HTTPError as error:
            raise ConnectionError(f"{self.name}: {type(error).__name__}") from None
        if answer.is_success:
            try:
                found: dict[str, Any] = answer.json()
                if needed in found:
                    return found
            except (ValueError, TypeError):
                pass
            raise ConnectionError(f"{self.name} answered, but not as `labkit serve` does")
        try:
            reason = str(answer.json()["error"])
        except (ValueError, KeyError, TypeError):
            reason = "no reason given"
        text = f"{self.name} answered {answer.status_code}: {reason}"
        if answer.status_code in (400, 401, 404, 413, 422):
            raise InputError(text)
        raise ConnectionError(text)


def _turn(turn: Turn) -> dict[str, str | None]:
    return {"speaker": turn.speaker, "text": turn.text, "time": turn.time}
