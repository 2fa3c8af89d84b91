"""What a request may say, in every format: documents, and the fields that are ours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from labkit.records import Memory, Query, Turn, parse_time
from labkit.serving.problems import Refused


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("expected a text that is not empty")
    return text


def _iso(text: str) -> str:
    try:
        parse_time(text)
    except ValueError:
        raise ValueError("expected ISO 8601 such as 2026-03-14 or 2026-03-14T09:30") from None
    return text


Question = Annotated[str, Field(min_length=1), AfterValidator(_not_blank)]
Moment = Annotated[
    str, AfterValidator(_iso), Field(description="ISO 8601", examples=["2026-03-14T09:30"])
]
Count = Annotated[int, Field(ge=0)]


class Lenient(BaseModel):
    """Unknown keys are ignored; a known one must have its type, without conversion."""

    model_config = ConfigDict(strict=True, extra="ignore", allow_inf_nan=False)


class DialogueTurn(Lenient):
    """One utterance before the question."""

    speaker: str
    text: str
    time: Moment | None = None


class Document(BaseModel):
    """A memory with what is known of it; all of it but the id is read by the model."""

    model_config = ConfigDict(strict=True, extra="allow", allow_inf_nan=False)

    text: str | None = Field(None, description="what is ranked; needed, but where rank_fields is")
    time: Moment | None = None
    speaker: str | None = None
    previous: DialogueTurn | None = Field(
        None, description="the turn that a line of a conversation followed"
    )
    id: str | int | None = Field(None, description="comes back with the result; no two alike")


class Situation(Lenient):
    """What labkit reads beside the question, in every format; all may be left out."""

    context: list[DialogueTurn] | None = Field(
        None, description='the turns before the question, oldest first: what "he" and "there" mean'
    )
    query_time: Moment | None = Field(None, description="when the question is asked, ISO 8601")
    instruction: str | None = Field(None, description="what to look for")


class Asked(Situation):
    """And what it can do with the scores, in the formats that rank."""

    threshold: float | str | None = Field(
        None,
        description="leave out results below this probability; a number from 0 to 1 or one of the "
        "model's operating points: balanced, careful, lean",
    )
    abstain: bool | None = Field(
        None, description="give no result at all where the model holds that nothing answers"
    )


class Extension(BaseModel):
    """What labkit knows beside the ranking."""

    model: str
    answerable: float | None = Field(
        None,
        description="probability that any of the documents answers; null where the model "
        "has not learnt to say so",
    )
    threshold: float | None = Field(
        None, description="the probability below which results are left out"
    )
    abstained: bool = Field(description="true where results were withheld because nothing answers")
    log_odds: list[float] = Field(description="of the results in their order, before calibration")
    truncated: list[int] = Field(description="documents that the model could not read to their end")


def query_of(text: str, situation: Situation) -> Query:
    return Query(
        text=text,
        context=tuple(map(_turn, situation.context or [])),
        time=situation.query_time,
        instruction=situation.instruction or None,
    )


def memories_of(
    documents: Sequence[str | Document], name: str, rank_fields: Sequence[str] | None = None
) -> list[Memory]:
    """Memories whose ids are their places; ``name`` is the field that an error speaks of."""
    memories, ids = [], set()
    for place, document in enumerate(documents):
        if isinstance(document, str):
            memories.append(Memory(str(place), document))
            continue
        if document.id is not None:
            if str(document.id) in ids:
                raise Refused(422, f"{name}[{place}].id: another document has it already")
            ids.add(str(document.id))
        text = _fields(document, rank_fields) if rank_fields else document.text
        if text is None:
            raise Refused(422, f"{name}[{place}].text: Field required")
        previous = None if document.previous is None else _turn(document.previous)
        memories.append(
            Memory(str(place), text, document.time, document.speaker or None, previous=previous)
        )
    return memories


def _turn(turn: DialogueTurn) -> Turn:
    return Turn(turn.speaker, turn.text, turn.time)


def _fields(document: Document, names: Sequence[str]) -> str | None:
    values: dict[str, Any] = {**(document.model_extra or {}), "text": document.text}
    found = [values[name] for name in names if values.get(name) is not None]
    return "\n".join(map(str, found)) if found else None
