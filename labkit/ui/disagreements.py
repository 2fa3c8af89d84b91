"""The Disagreements tab: where labels and student part, and what the teachers had said."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import gradio as gr

from labkit.annotation.store import Store
from labkit.errors import InputError
from labkit.ui.disagreement_chart import chart_note, scatter
from labkit.ui.disagreements_data import EVERY, Filters
from labkit.ui.disagreements_view import NOTHING_OPEN, Asked, Disagreements, Shown
from labkit.ui.drawn import drawn
from labkit.ui.labelled import Labelled
from labkit.ui.scores import Scores
from labkit.ui.selection import Place, Selection, selection_of
from labkit.ui.shared import OPEN_TAB, Shared, Updates

CUT_HERE = """(threshold, before) => {
    const open = document.querySelector('#lk-tabs [role="tab"][aria-selected="true"]');
    return open && open.textContent.trim() === "Disagreements" ? threshold : before;
}"""


def build_disagreements(
    shared: Shared, tab: Any, scores: Scores, store: Store, folders: Sequence[Labelled]
) -> None:
    """Lay the tab out; nothing is read before somebody looks at it."""
    room = Disagreements(shared.library, shared.bench, scores, store, folders)
    everything = [("all", EVERY)]
    # Choices change with the labels, so pickers take any value and another one means all of it:
    # Gradio would refuse an event that was under way with the choices before.
    picker = partial(gr.Dropdown, allow_custom_value=True)
    with gr.Row(elem_classes="lk-controls"):
        source = picker([], label="Labels", scale=3, min_width=240)
        score = gr.Button("Score", variant="primary", scale=1, min_width=220, visible=False)
    with gr.Row(elem_classes="lk-controls", visible=False) as filters:
        quadrant = picker(everything, value=EVERY, label="Where", min_width=150)
        kind = picker(everything, value=EVERY, label="Kind of query", min_width=150)
        negative = picker(everything, value=EVERY, label="Negative kind", min_width=150)
        split = picker(everything, value=EVERY, label="Split", min_width=110)
    state = drawn({"message": ""}, "progress.js", elem_id="lk-pairs-state")
    with gr.Row(elem_id="lk-apart"):
        with gr.Column(scale=5, min_width=330, visible=False) as left:
            chart = gr.Plot(None, show_label=False, container=False, elem_id="lk-scatter")
            note = drawn("", "line.js", elem_id="lk-scatter-note")
        with gr.Column(scale=6, min_width=360):
            pairs = drawn({"rows": [], "empty": "", "tiles": []}, "pairs.js", elem_id="lk-pairs")
    pair = drawn(NOTHING_OPEN, "pair.js", elem_id="lk-pair")

    # The threshold as this tab knows it: the slider moves on any tab, and the server is asked only
    # where somebody looks at quadrants. A tab that is opened reads the slider itself.
    cut = gr.Number(shared.threshold.value, visible="hidden")
    shared.threshold.change(
        None, [shared.threshold, cut], [cut], js=CUT_HERE, api_name="move_cut",
        api_visibility="private",
    )  # fmt: skip

    fields = [source, kind, negative, split, quadrant, shared.threshold]
    picked = [source, kind, negative, split, quadrant]
    views = [*picked, filters, score, state, left, chart, note, pairs]

    def asked_of(values: Sequence[Any]) -> Asked:
        key, kind, negative, split, quadrant, threshold = values
        chosen = Filters(kind or EVERY, negative or EVERY, split or EVERY, quadrant or EVERY)
        return Asked(key or "", chosen, 0.5 if threshold is None else float(threshold))

    def drawn_views(shown: Shown) -> Updates:
        updates: Updates = {
            source: gr.update(
                choices=shown.sources, value=shown.labelled.key if shown.labelled else None
            ),
            score: gr.update(value=shown.to_score or "Score", visible=bool(shown.to_score)),
            state: {"message": ""},
            pairs: shown.page,
        }
        names = ("kind", "negative_kind", "split", "quadrant")
        for component, name in zip(picked[1:], names, strict=True):
            offered, value = shown.filters[name]
            updates[component] = gr.update(choices=offered, value=value)
        updates[filters] = gr.update(visible=shown.weighed is not None)
        updates[left] = gr.update(visible=bool(shown.weighed))
        if shown.labelled is None or not shown.weighed:
            return {**updates, chart: None, note: ""}
        examples = {example.id: example for example in shown.labelled.batch.examples}
        whose = shown.labelled.whose
        return {
            **updates,
            chart: scatter(shown.weighed, examples, whose),
            note: chart_note(len(shown.weighed), whose, shown.labelled.gold),
        }

    # --- drawn where it is looked at and something has changed for it ----------------------------

    triggers = [
        tab.select, shared.chosen.change, cut.change, source.input, kind.input,
        negative.input, split.input, quadrant.input,
    ]  # fmt: skip

    def shows(
        draw: Callable[[Selection, Asked], Updates],
        outputs: Sequence[Any],
        key: Callable[[Selection, Asked], Any],
        name: str,
    ) -> None:
        last = gr.State(None)

        def look(open_tab: str, before: Any, *values: Any) -> Updates:
            selection, asked = selection_of(*values[:7]), asked_of(values[7:])
            if open_tab != tab.id or key(selection, asked) == before:
                return {}
            return {last: key(selection, asked), **draw(selection, asked)}

        shared.listen(
            partial(gr.on, triggers), look, [shared.open_tab, last, *shared.selected, *fields],
            [last, *outputs], name=name, js=OPEN_TAB, concurrency_id="disagreements",
        )  # fmt: skip

    def list_key(selection: Selection, asked: Asked) -> Any:
        return selection.collection, selection.model, asked

    def pair_key(selection: Selection, asked: Asked) -> Any:
        where = (selection.collection, selection.dialogue, selection.example, selection.memory)
        return *where, selection.model, asked.source, asked.threshold

    shows(lambda s, a: drawn_views(room.shown(s, a)), views, list_key, "draw_disagreements")
    shows(lambda s, a: {pair: room.opened(s, a)}, [pair], pair_key, "draw_pair")

    # --- opening, turning, scoring, sending ------------------------------------------------------

    def find(detail: dict[str, Any], collection: str) -> Place:
        return room.place(collection, str(detail.get("query")), str(detail.get("memory")))

    here = [shared.collection]
    shared.opens(pairs.opened, find, here, name="open_pair", tab=None)
    shared.opens(pair.opened, find, here, name="open_memory", tab=None)
    shared.opens(pair.inspected, find, here, name="inspect_pair")

    def event(trigger: Any, answer: Callable[..., Updates], outputs: list[Any], name: str) -> None:
        """Of our own script: ``answer(detail, login, selection, asked)``."""

        def handle(event: gr.EventData, request: gr.Request, *values: Any) -> Updates:
            try:
                detail = dict(event._data or {})
                selection, asked = selection_of(*values[:7]), asked_of(values[7:])
                login = request.username
                return {shared.notice: "", **answer(detail, login, selection, asked)}
            except InputError as error:
                return {shared.notice: str(error)}

        trigger(
            handle,
            [*shared.selected, *fields],
            [*outputs, shared.notice],
            api_name=name,
            api_visibility="private",
            concurrency_id="disagreements",
            concurrency_limit=1,
            show_progress="hidden",
        )

    def turn(detail: dict[str, Any], _: Any, selection: Selection, asked: Asked) -> Updates:
        number = detail.get("page")
        return {pairs: room.shown(selection, asked, number if isinstance(number, int) else 0).page}

    def send_one(
        detail: dict[str, Any], login: str | None, selection: Selection, asked: Asked
    ) -> Updates:
        one = (str(detail.get("query")), str(detail.get("memory")))
        return {state: {"message": room.send(selection, asked, [one], login)}}

    def send_shown(_: Any, login: str | None, selection: Selection, asked: Asked) -> Updates:
        return {state: {"message": room.send_shown(selection, asked, login)}}

    event(pairs.turned, turn, [pairs], "turn_pairs")
    event(pair.sent, send_one, [state], "send_pair")
    event(pairs.sent, send_shown, [state], "send_pairs")

    def score_them(*values: Any) -> Iterator[Updates]:
        try:
            selection, asked = selection_of(*values[:7]), asked_of(values[7:])
            labelled = room.source(selection.collection, asked.source)
            if labelled is not None:
                for message in scores.scoring(selection.model, labelled.batch):
                    yield {state: message}
            yield {
                shared.notice: "",
                **drawn_views(room.shown(selection, asked)),
                pair: room.opened(selection, asked),
            }
        except InputError as error:
            yield {shared.notice: str(error), state: {"message": ""}}

    score.click(
        score_them,
        [*shared.selected, *fields],
        [*views, pair, shared.notice],
        api_name="score_pairs",
        api_visibility="private",
        concurrency_id="scores",
        concurrency_limit=1,
        show_progress="hidden",
    )
