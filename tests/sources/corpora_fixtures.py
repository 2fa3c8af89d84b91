"""Small made-up files in the layout of each published set, and how they are written."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

_TOWNS = (
    "Aldmoor Brinwick Corvale Dunsea Eskham Farholt Gannet Harrowby Inverlay Jossing Kelbrook "
    "Lowmere Marrick Nethby Oakhurst Penfold Quenby Rushford Stanwick Tolland Ulverby Vexley "
    "Wyncombe Yarrow Zennick Ashcombe Birkdale Cotham Drayholm Elsdon Fenwick Glaisby "
)
TOWNS = _TOWNS.split()
"""Names of towns that are not, one a group, enough to fill three splits."""

_THINGS = (
    "bridge mill harbour lantern orchard quarry chapel market tower canal school library well "
    "windmill bakery forge theatre garden station museum abbey tannery brewery lighthouse "
    "ferry vineyard dairy barracks observatory prison palace aqueduct "
)
THINGS = _THINGS.split()


def put(path: Path, value: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(value if isinstance(value, str) else json.dumps(value), "utf-8")
    return path


def put_lines(path: Path, values: list[Any]) -> Path:
    return put(path, "".join((v if isinstance(v, str) else json.dumps(v)) + "\n" for v in values))


# --- squad, covidqa ------------------------------------------------------------------------------


def qa(id_: Any, question: str, context: str, *answers: str, impossible: bool = False) -> Any:
    given = [{"text": a, "answer_start": context.index(a)} for a in answers]
    item = {"question": question, "id": id_, "is_impossible": impossible}
    if impossible:
        return {**item, "answers": [], "plausible_answers": given}
    return {**item, "answers": given}


def squad_article(town: str, thing: str, year: int) -> dict[str, Any]:
    first = (
        f"The {thing} of {town} was opened in {year}. Its builder was Dr. Ivo {town}son, a mason. "
        f"Fishermen of {town} paid for it with herring."
    )
    second = (
        f"Every spring the people of {town} paint the doors of the {thing} green. "
        f"The paint is mixed from moss by {town}'s oldest family."
    )
    return {
        "title": f"{town}_{thing}",
        "paragraphs": [
            {
                "context": first,
                "qas": [
                    qa(f"{town}1", f"When was the {thing} in {town} opened?", first, str(year)),
                    qa(
                        f"{town}2",
                        f"Who closed the {thing} that {town} had?",
                        first,
                        f"Ivo {town}son",
                        impossible=True,
                    ),
                ],
            },
            {
                "context": second,
                "qas": [
                    qa(
                        f"{town}3",
                        f"What do {town} families mix moss into, near the {thing}?",
                        second,
                        "paint",
                        "The paint",
                    )
                ],
            },
        ],
    }


def squad() -> dict[str, Any]:
    rows = zip(TOWNS, THINGS, range(1801, 1900), strict=False)
    return {"version": "v2.0", "data": [squad_article(*row) for row in rows]}


def covid_paper(number: int, context: str, *qas: Any) -> dict[str, Any]:
    return {"paragraphs": [{"context": context, "document_id": number, "qas": list(qas)}]}


def covidqa() -> dict[str, Any]:
    context = (
        "Spread of the made-up virus\n\nhttps://example.org/1\n\nAbstract: "
        + "The virus was first seen in bats of the northern caves. " * 14
        + "The incubation period is 5.2 days. "
        + "Masks were worn by most of the visitors to the caves. " * 14
    )
    asked = qa(11, "How long is the incubation period?", context, " 5.2 days")
    asked["answers"][0]["answer_start"] += 1  # as published: off by the leading blank
    return {"data": [covid_paper(7, context, asked)]}


# --- the others ----------------------------------------------------------------------------------


def nq_line(question: str, answers: list[str], title: str, text: str) -> dict[str, Any]:
    passage = {"title": title, "text": text, "hasanswer": True, "isgold": True}
    return {"question": question, "answers": answers, "ctxs": [passage], "nq_annotated_gold": {}}


def nq() -> list[Any]:
    return [
        nq_line(
            f"who built the {thing} of {town.lower()}",
            [f"Mara {town}"],
            f"{town}",
            f"The {thing} was built by Mara {town}, who had come from the {thing} makers' guild.",
        )
        for town, thing in zip(TOWNS, THINGS, strict=True)
    ]


def tatqa_report(uid: str, *questions: dict[str, Any]) -> dict[str, Any]:
    return {
        "table": {
            "uid": uid,
            "table": [
                ["", "Years Ended May 31,", ""],
                ["", "2019", "2018"],
                ["Sales:", "", ""],
                ["Boats", "$ 1,452", "$  1,146"],
                ["Nets", "44", "57"],
            ],
        },
        "paragraphs": [
            {"uid": "p1", "order": 1, "text": f"Sales of {uid} by kind of goods were as follows."},
            {"uid": "p2", "order": 2, "text": f"{uid} sells boats at a fixed price."},
        ],
        "questions": list(questions),
    }


def tatqa_question(
    uid: str, text: str, answer: Any, origin: str, rel: list[str], kind: str = "span"
) -> dict[str, Any]:
    return {
        "uid": uid,
        "question": text,
        "answer": answer,
        "answer_from": origin,
        "answer_type": kind,
        "rel_paragraphs": rel,
        "scale": "",
    }


def tatqa() -> list[Any]:
    return [
        tatqa_report(
            "Finch plc",
            tatqa_question("q1", "How does it sell boats?", ["at a fixed price"], "text", ["2"]),
            tatqa_question("q2", "What were sales of nets in 2019?", ["44"], "table", []),
            tatqa_question("q3", "What changed?", 306, "table-text", ["1"], "arithmetic"),
        )
    ]


def pubmedqa() -> dict[str, Any]:
    return {
        f"900{i}": {
            "QUESTION": f"Does {thing} dust harm the lungs of {town} workers?",
            "CONTEXTS": [
                f"Dust of the {thing} has been feared in {town} for long.",
                f"We followed {40 + i} workers of {town} for a year.",
                f"Of {40 + i} workers in {town}, three coughed more than before.",
            ],
            "LABELS": ["BACKGROUND", "METHODS", "RESULTS"],
            "MESHES": ["Dust"],
            "YEAR": None,
            "final_decision": "maybe",
            "LONG_ANSWER": f"Dust of the {thing} may do some harm in {town}.",
        }
        for i, (town, thing) in enumerate(zip(TOWNS[:4], THINGS, strict=False))
    }


def canard_dialogue(dialog: str, title: str, pairs: list[tuple[str, str]]) -> list[Any]:
    history = [title, "Early years"]
    records = []
    for number, (question, answer) in enumerate(pairs, 1):
        records.append(
            {
                "History": list(history),
                "QuAC_dialog_id": dialog,
                "Question": question,
                "Question_no": number,
                "Rewrite": f"{question} ({title})",
            }
        )
        history += [question, answer]
    return records


def canard() -> list[Any]:
    return canard_dialogue(
        "C_1",
        "Mara Voss",
        [
            ("Where was she born?", "She was born in a lighthouse."),
            ("When?", "1901"),
            ("Did she marry?", "I don't know."),
            ("What did she build?", "She built boats of willow."),
            ("Why?", "the answer that the file does not have"),
        ],
    )


def timeqa() -> list[Any]:
    def answer(para: int, said: str) -> dict[str, Any]:
        return {"para": para, "from": 0, "end": len(said), "answer": said}

    return [
        {
            "index": "/wiki/Ida_Holm#P54",
            "type": "P54",
            "link": "/wiki/Ida_Holm",
            "questions": [
                ["Which club did Ida Holm play for from 1990 to 1995?", [answer(3, "Brinwick")]],
                ["Which club did Ida Holm play for from 1996 to 2001?", [answer(4, "Corvale")]],
                ["Which club did Ida Holm play for from 2002 to 2004?", [answer(0, "")]],
                ["Which sport did Ida Holm do in 1990?", [answer(2, "Rowing")]],
            ],
            "paras": [
                "Ida Holm",
                "Ida Holm ( born 1970 ) is a rower , known for her patience .",
                "Rowing .",
                "From 1990 she rowed for Brinwick , in the second boat .",
                "In 1996 she went to Corvale and stayed until 2001 .",
                "She has written two books about rivers and one on bread .",
                "- 2011 : keeper of the boats",
            ],
        }
    ]


def friends_scene(title: str, said: list[tuple[str, str]], *qas: Any) -> dict[str, Any]:
    utterances = [
        {"uid": i, "speakers": [who], "utterance": text} for i, (who, text) in enumerate(said)
    ]
    return {"title": title, "paragraphs": [{"utterances:": utterances, "qas": list(qas)}]}


def friends_qa(id_: str, question: str, *answers: tuple[int, str]) -> dict[str, Any]:
    given = [
        {
            "answer_text": text,
            "utterance_id": row,
            "inner_start": 0,
            "inner_end": 0,
            "is_speaker": False,
        }
        for row, text in answers
    ]
    return {"id": id_, "question": question, "answers": given}


def friendsqa() -> dict[str, Any]:
    scenes = []
    for i, (town, thing) in enumerate(zip(TOWNS, THINGS, strict=True)):
        title = f"s09_e{i:02d}_c01"
        scenes.append(
            friends_scene(
                title,
                [
                    ("#NOTE#", f"[ Scene : the {thing} , Ana waits in {town} . ]"),
                    ("Ana Ruiz", "Oh my God !"),
                    ("Ben Oduya", f"I 've sold the {thing} to a man from {town} ."),
                    ("Ana Ruiz", f"You 're gon na miss the {thing} , are n't you ?"),
                ],
                friends_qa(
                    f"{title}_Who",
                    f"Who bought the {thing} near {town} ?",
                    (2, f"a man from {town}"),
                ),
                friends_qa(f"{title}_What", "What does Ana say first ?", (1, "Oh my God !")),
            )
        )
    return {"version": "2.0", "data": scenes}


def ecare_row(index: int, premise: str, asked: str, right: str, wrong: str) -> dict[str, Any]:
    return {
        "index": f"train-{index}",
        "premise": premise,
        "ask-for": asked,
        "hypothesis1": wrong,
        "hypothesis2": right,
        "label": 1,
    }


def ecare() -> list[Any]:
    return [
        ecare_row(
            i,
            f"The {thing} of {town} fell into the river.",
            "cause" if i % 2 else "effect",
            f"Water had risen around the {thing} at {town} all night.",
            f"Somebody in {town} learned to juggle with apples.",
        )
        for i, (town, thing) in enumerate(zip(TOWNS, THINGS, strict=True))
    ]


def qmsum_meeting() -> dict[str, Any]:
    said = [
        ("Chair", "Good morning , let 's begin with the roof of the library ."),
        ("Ann", "{vocalsound} It leaks , and the repair costs forty thousand {disfmarker}"),
        ("Bo", "Mm-hmm ."),
        ("Ann", "The builders could begin in June , if we pay half now ."),
        ("Chair", "Then we do n't wait . What about the garden and its fence ?"),
        ("Bo", "The fence stands for another ten years , I looked at it ."),
        ("Chair", "Okay ."),
    ]
    return {
        "topic_list": [{"topic": "The roof", "relevant_text_span": [["0", "4"]]}],
        "general_query_list": [{"query": "Summarize the meeting", "answer": "..."}],
        "specific_query_list": [
            {"query": "What was said about the roof ?", "relevant_text_span": [["0", "4"]]},
            {"query": "Why is the fence left ?", "relevant_text_span": [["5", "5"]]},
        ],
        "meeting_transcripts": [{"speaker": s, "content": c} for s, c in said],
    }


def ikat() -> list[Any]:
    return [
        {
            "number": "9-1",
            "title": "Finding a diet",
            "ptkb": {"1": "I'm vegetarian.", "2": "I own a blue car.", "3": "I dislike soy."},
            "turns": [
                {
                    "turn_id": 1,
                    "utterance": "Can you help me find a diet?",
                    "resolved_utterance": "Can you help me, a vegetarian, find a diet?",
                    "response": "Try lentils.",
                    "ptkb_provenance": [1, 3],
                    "response_provenance": [],
                },
                {
                    "turn_id": 2,
                    "utterance": "How long do they cook?",
                    "resolved_utterance": "How long do lentils cook?",
                    "response": "Half an hour.",
                    "ptkb_provenance": [],
                    "response_provenance": [],
                },
            ],
        }
    ]


def memora_session(
    number: int, *said: str, operation: str | None = None, **details: Any
) -> dict[str, Any]:
    turns = [{"turn": 1, "speaker": "ai_agent", "message": "Hello!", "share_memory": False}]
    turns += [
        {"turn": i, "speaker": "user_agent", "message": text, "share_memory": True}
        for i, text in enumerate(said, 2)
    ]
    return {
        "session_id": number,
        "session_type": "activity",
        "operation": operation,
        "operation_details": details or None,
        "date": f"2025-06-0{number}",
        "persona": "baker",
        "conversation": turns,
    }


def write_memora(folder: Path, **questions: list[Any]) -> Path:
    home = folder / "data" / "weekly" / "baker"
    for session in (
        memora_session(
            1,
            "I like the band Rook.",
            "Their drums are wild.",
            operation="add",
            item="Rook",
            preference="like",
            subcategory="artists",
        ),
        memora_session(
            2,
            "I have to call the miller.",
            operation="add",
            item={"description": "Call the miller"},
        ),
        memora_session(
            3,
            "The miller is called, strike that.",
            operation="delete",
            item={"description": "Call the miller"},
        ),
        memora_session(4, "Must buy yeast.", operation="add", item={"description": "Buy yeast"}),
        memora_session(
            5,
            "I have gone off Rook, by the way.",
            operation="update",
            item="Rook",
            preference="dislike",
            subcategory="artists",
            update_type="preference_update",
        ),
        memora_session(6),
    ):
        name = f"session_{session['session_id']:04d}.json"
        put(home / "conversations" / name, session)
    put(
        home / "evaluation_questions_baker.json",
        {"persona": "baker", "date_range": {}, "questions": questions},
    )
    return folder


def memora_question(id_: str, text: str, evidence: Any, forgotten: Any = None) -> dict[str, Any]:
    return {
        "question_id": id_,
        "question": text,
        "question_date": "2025-06-07",
        "memory_evidence": evidence,
        "forgetting_evidence": forgotten,
        "evaluation": {},
    }


def memora_questions() -> dict[str, list[Any]]:
    return {
        "remembering": [
            memora_question(
                "activity_todos_6",
                "What is on my list?",
                {"remaining_tasks": [{"value": "Buy yeast", "session_id": 4}], "task_count": 1},
                {"forgotten_items": [{"value": "Call the miller", "session_id": 3}]},
            ),
            memora_question(
                "content_email_6",
                "Write an email about flour",
                {"content_data": {}, "session_history": [1]},
                {"forgotten_items": [{"field": "x", "value": "y", "session_id": 2}]},
            ),
        ],
        "recommending": [
            memora_question(
                "pref_music_6",
                "Suggest me some music",
                {"memory_items": {"artists": {"dislikes": [{"item": "Rook", "session_id": 1}]}}},
                {"forgotten_items": [{"session_id": 6}]},
            )
        ],
    }


def _gzipped(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress("".join(json.dumps(v) + "\n" for v in nq()).encode()))
    return path


SETS: dict[str, Callable[[Path], object]] = {
    "squad": lambda folder: put(folder / "data" / "dev-v2.0.json", squad()),
    "nq": lambda folder: _gzipped(folder / "qa_data" / "nq-open-oracle.jsonl.gz"),
    "tatqa": lambda folder: put(folder / "dataset_raw" / "tatqa_dataset_dev.json", tatqa()),
    "pubmedqa": lambda folder: put(folder / "data" / "ori_pqal.json", pubmedqa()),
    "covidqa": lambda folder: put(
        folder / "data" / "question-answering" / "200423_covidQA.json", covidqa()
    ),
    "canard": lambda folder: put(folder / "data" / "release" / "dev.json", canard()),
    "timeqa": lambda folder: put(folder / "dataset" / "human_annotated_train.json", timeqa()),
    "friendsqa": lambda folder: put(folder / "dat" / "friendsqa_tst.json", friendsqa()),
    "ecare": lambda folder: put_lines(
        folder / "dataset" / "Causal_Reasoning" / "train.jsonl", ecare()
    ),
    "qmsum": lambda folder: put_lines(
        folder / "data" / "ALL" / "jsonl" / "val.jsonl", [qmsum_meeting()]
    ),
    "ikat": lambda folder: put(folder / "2023" / "data" / "2023_train_topics.json", ikat()),
    "memora": lambda folder: write_memora(folder, **memora_questions()),
}
"""By name of the set: what writes its made-up files into a folder, laid out as published."""
