"""What all tabs share: one selection, its pickers, its threshold, its address.

How a tab plugs in. Its module has ``build_NAME(lab, shared, tab, ...)``, and :mod:`labkit.ui.lab`
calls it inside ``with gr.Tab("Name", id="name") as tab``. There it lays out its components and says

* what it shows of the selection: ``shared.shows(tab, draw, inputs, outputs, name="...")``.
  ``draw(selection, *values)`` answers with updates by component. It is called when the tab is
  looked at and the selection is another than the one drawn last; never for a tab that nobody opens.
  A view that reads only a part of the selection says which by ``key``, and is then drawn anew only
  where that part changes. A tab may say this of several views.
* what it does when somebody clicks: ``shared.listen(event, handler, inputs, outputs, name="...")``.
* where it leads: ``shared.opens(event, find, inputs, name="...")``. ``find(detail, *values)``
  answers with the :class:`~labkit.ui.selection.Place` to open in Inspect, or None; ``detail`` is
  what the page's script sent with the event. ``tab="threshold"`` opens it elsewhere, ``tab=None``
  leaves the tab as it is and only selects.

An :class:`~labkit.errors.InputError` that ``draw``, a handler or ``find`` raises is one line on the
page, and what was shown stays. Every event has a name of its own and none is an API.

In the browser: ``labkit:threshold`` (a number) is dispatched on the window when the threshold
moves, and ``labkit:count`` when the tiles beside the slider ask what it leaves; a script answers
with ``labkit:counts`` ({about, tiles: [{name, value, note}]}) where its element is visible. Which
tab is open stands on ``document.body.dataset.tab``; ``lab.css`` hides the pickers and the threshold
where a tab has no use for them. Memory text never enters the address: see :mod:`labkit.ui.link`.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from labkit.errors import InputError
from labkit.ui.bench import Bench
from labkit.ui.drawn import drawn
from labkit.ui.library import Collection, Library, examples_of
from labkit.ui.link import how_of, link_of, opening
from labkit.ui.pickers import dialogue_choices, first_example, query_choices, stepped
from labkit.ui.points import CUSTOM, point_choices, point_note, starting_point
from labkit.ui.selection import OWN, Place, Selection, selection_of
from labkit.ui.sidebar import Sidebar, build_sidebar

Updates = dict[Any, Any]
"""New values by component; a component that is not named stays as it is."""

# Which tab is open is a matter of the page, so it is asked there: the first input is a placeholder.
# By the page itself and not by lab.js, which a slow browser may run after the first event.
OPEN_TAB = """(placeholder, ...rest) => {
    const open = document.querySelector('#lk-tabs [role="tab"][aria-selected="true"]');
    return [open ? open.textContent.trim().toLowerCase() : "", ...rest];
}"""
# A script hears of the threshold without a server; a null is what an emptied number box sends.
SEND_THRESHOLD = """(value) => {
    window.dispatchEvent(new CustomEvent("labkit:threshold", { detail: value }));
}"""


@dataclass(frozen=True)
class Shared:
    """Components that hold the selection, and what tabs do with them.

    ``memory`` is a hidden text with the id of the memory that is looked at, or empty; ``threshold``
    the slider; ``point`` the named operating point and ``point_note`` what it promises; ``notice``
    the line for what went wrong.
    """

    library: Library
    bench: Bench
    start: Selection
    collection: Any
    dialogue: Any
    query: Any
    memory: Any
    method: Any
    depth: Any
    model: Any
    point: Any
    point_note: Any
    threshold: Any
    notice: Any
    tabs: Any
    chosen: Any
    address: Any
    open_tab: Any

    @property
    def selected(self) -> list[Any]:
        """The inputs of :func:`~labkit.ui.selection.selection_of`, in its order."""
        place = [self.collection, self.dialogue, self.query, self.memory]
        return [*place, self.method, self.depth, self.model]

    @property
    def settings(self) -> list[Any]:
        """What :meth:`settled` fills."""
        return [*self.selected[:4], self.chosen, self.address, self.notice]

    # --- for tabs --------------------------------------------------------------------------------

    def shows(
        self,
        tab: Any,
        draw: Callable[..., Updates],
        inputs: Sequence[Any] = (),
        outputs: Sequence[Any] = (),
        *,
        name: str,
        key: Callable[[Selection], Hashable] = lambda selection: selection,
        drawn_at_start: bool = False,
        progress_on: Sequence[Any] = (),
        concurrency_id: str = "model",
    ) -> None:
        """Draw a view when its tab is looked at and the selection has changed for it.

        Args:
            tab: the ``gr.Tab`` that the view is in; it has an ``id``.
            draw: ``draw(selection, *values of inputs) -> updates``.
            inputs, outputs: components that it reads beside the selection, and that it may fill.
            name: of the event.
            key: the part of the selection that the view depends on.
            drawn_at_start: the page comes with the view of ``start`` in it.
            progress_on: where to show that it takes a while.
            concurrency_id: events of one id run one at a time.
        """
        last = gr.State(key(self.start) if drawn_at_start else None)

        def look(open_tab: str, before: Hashable, *values: Any) -> Updates:
            selection = selection_of(*values[:7])
            if open_tab != tab.id or key(selection) == before:
                return {}
            return {last: key(selection), **draw(selection, *values[7:])}

        gr.on(
            [tab.select, self.chosen.change],
            self.reported(look),
            [self.open_tab, last, *self.selected, *inputs],
            [last, self.notice, *outputs],
            js=OPEN_TAB,
            api_name=name,
            api_visibility="private",
            trigger_mode="always_last",
            concurrency_id=concurrency_id,
            concurrency_limit=1,
            show_progress="minimal" if progress_on else "hidden",
            show_progress_on=list(progress_on) or None,
        )

    def tells(self, tab: Any, page: Any, *, name: str) -> None:
        """Tell a tab whose script asks for all else which collection and model are selected."""

        def draw(selection: Selection) -> Updates:
            return {page: {"collection": selection.collection, "model": selection.model}}

        self.shows(
            tab,
            draw,
            outputs=[page],
            name=name,
            key=lambda selection: (selection.collection, selection.model),
            concurrency_id="choose",
        )

    def listen(
        self,
        event: Any,
        handler: Callable[..., Updates],
        inputs: Sequence[Any],
        outputs: Sequence[Any],
        *,
        name: str,
        progress_on: Sequence[Any] = (),
        concurrency_id: str = "model",
        trigger_mode: str = "always_last",
        js: str | None = None,
    ) -> Any:
        """Call ``handler(*values of inputs) -> updates`` on an event; see the module."""

        def handle(*values: Any) -> Updates:
            return {self.notice: "", **handler(*values)}

        return event(
            self.reported(handle),
            list(inputs),
            [*outputs, self.notice],
            js=js,
            api_name=name,
            api_visibility="private",
            trigger_mode=trigger_mode,
            concurrency_id=concurrency_id,
            concurrency_limit=1,
            show_progress="minimal" if progress_on else "hidden",
            show_progress_on=list(progress_on) or None,
        )

    def opens(
        self,
        event: Any,
        find: Callable[..., Place | None],
        inputs: Sequence[Any] = (),
        *,
        name: str,
        tab: str | None = "inspect",
    ) -> None:
        """Select the place that ``find(detail, *values of inputs)`` names, and open it in a tab."""
        outputs = [*self.settings, *([self.tabs] if tab else [])]

        def open_place(event: gr.EventData, *values: Any) -> Updates:
            try:
                place = find(dict(event._data or {}), *values[7:])
                if place is None:
                    return {self.notice: gr.skip()}
                updates = self.settled(place, values[4:7])
            except InputError as error:
                return {self.notice: str(error)}
            return updates | ({self.tabs: gr.Tabs(selected=tab)} if tab else {})

        # Gradio's always_last sends the event before again in place of the last (6.31.0): who picks
        # quickly would see what they had picked before.
        event(
            open_place,
            [*self.selected, *inputs],
            outputs,
            api_name=name,
            api_visibility="private",
            trigger_mode="multiple",
            show_progress="hidden",
        )

    def reported(self, handler: Callable[..., Updates]) -> Callable[..., Any]:
        """What a person did wrong is one line on the page; what was shown stays."""

        def handle(*values: Any) -> Updates:
            try:
                return handler(*values) or {self.notice: gr.skip()}
            except InputError as error:
                return {self.notice: str(error)}

        return handle

    def settled(self, place: Place, how: Sequence[Any]) -> Updates:
        """The pickers set to a place, with ``how`` (first stage, depth, model) as it is.

        Raises:
            InputError: there is no such dialogue (any more).
        """
        collection = self.library.collection(place.collection)
        dialogue = self.library.dialogue(place.collection, place.dialogue)
        selection = selection_of(*place, *how)
        return {
            self.collection: place.collection,
            self.dialogue: gr.update(choices=dialogue_choices(collection), value=place.dialogue),
            self.query: gr.update(choices=query_choices(dialogue), value=place.query),
            self.memory: place.memory,
            **self.chose(selection),
        }

    def chose(self, selection: Selection) -> Updates:
        """What tells all views, and the address, that the selection is now this one."""
        return {
            self.chosen: selection,
            self.address: link_of(selection, self.library, self.bench),
            self.notice: "",
        }


def build_shared(lab: gr.Blocks, library: Library, bench: Bench) -> Shared:
    """Sidebar, pickers, threshold and the place for the tabs, opened where the lab starts."""
    place = opening(library, {})
    card = bench.reranker(bench.models[0]).card
    sidebar = build_sidebar(library, bench, place)
    gr.Markdown(
        "# labkit\nWhich memories does an assistant get to see? Rank them, set a threshold, "
        "look at what it keeps.",
        elem_id="lk-title",
    )
    notice = drawn("", "notice.js", elem_id="lk-notice")
    with gr.Row(elem_id="lk-pick"):
        query = gr.Dropdown(
            query_choices(library.dialogue(place.collection, place.dialogue)),
            value=place.query,
            label="Query",
            scale=8,
            allow_custom_value=True,  # see _choose
        )
        previous = gr.Button("‹ Previous", scale=0, min_width=96, elem_classes="lk-step")
        following = gr.Button("Next ›", scale=0, min_width=96, elem_classes="lk-step")
    with gr.Row(elem_id="lk-decide"):
        threshold = gr.Slider(
            0, 1, value=starting_point(card)[1], step=0.001, label="Threshold", buttons=[],
            scale=4, min_width=220, info="keep from this probability on",
        )  # fmt: skip
        with gr.Column(scale=7, min_width=320):
            drawn(None, "counts.js", elem_id="lk-counts")
    tabs = gr.Tabs(selected="inspect", elem_id="lk-tabs", overflow_behavior="wrap")
    how = (sidebar.method.value, sidebar.depth.value, bench.models[0])
    start = selection_of(*place, *how)
    shared = Shared(
        library=library,
        bench=bench,
        start=start,
        collection=sidebar.collection,
        dialogue=sidebar.dialogue,
        query=query,
        memory=gr.Textbox(place.memory, visible=False),
        method=sidebar.method,
        depth=sidebar.depth,
        model=sidebar.model,
        point=sidebar.point,
        point_note=sidebar.point_note,
        threshold=threshold,
        notice=notice,
        tabs=tabs,
        chosen=gr.State(start),
        address=gr.JSON(link_of(start, library, bench), visible=False),
        open_tab=gr.Textbox("", visible=False),
    )
    _listen_to_pickers(shared, previous, following)
    _listen_to_sidebar(shared, sidebar)
    _listen_to_points(shared, sidebar)
    _listen_to_address(lab, shared, sidebar)
    return shared


def _choose(shared: Shared, event: Any, find: Callable[..., Place], name: str) -> None:
    """Settle at the place that ``find(*values of shared.selected)`` names.

    The pickers take any value, and what is none of theirs is refused here: where choices change
    with the dialogue, Gradio would else refuse an event that was under way with the one before.
    """

    def choose(before: Selection, *values: Any) -> Updates:
        try:
            place = find(*values)
            dialogue = shared.library.dialogue(place.collection, place.dialogue)
            if place.query and place.query not in examples_of(dialogue):
                raise InputError(f"no query {place.query[:60]!r} here, expected one of the list")
            return shared.settled(place, values[4:7])
        except InputError as error:
            last = Place(before.collection, before.dialogue, before.example or OWN, before.memory)
            return {**shared.settled(last, values[4:7]), shared.notice: str(error)}

    shared.listen(
        event, choose, [shared.chosen, *shared.selected], shared.settings, name=name,
        concurrency_id="choose",
    )  # fmt: skip


def _listen_to_pickers(shared: Shared, previous: Any, following: Any) -> None:
    library = shared.library

    def in_collection(*values: Any) -> Place:
        collection = library.collection(values[0])
        name = next(iter(collection.dialogues))
        return Place(collection.key, name, first_example(collection.dialogues[name]))

    def in_dialogue(*values: Any) -> Place:
        dialogue = library.dialogue(values[0], values[1] or "")
        return Place(values[0], values[1] or "", first_example(dialogue))

    def at_query(*values: Any) -> Place:
        return Place(values[0], values[1] or "", values[2] or OWN)

    def steps(places: int) -> Callable[..., Place]:
        def find(*values: Any) -> Place:
            dialogue = library.dialogue(values[0], values[1] or "")
            return Place(values[0], values[1], stepped(dialogue, values[2] or OWN, places))

        return find

    _choose(shared, shared.collection.input, in_collection, "choose_collection")
    _choose(shared, shared.dialogue.input, in_dialogue, "choose_dialogue")
    _choose(shared, shared.query.input, at_query, "choose_query")
    _choose(shared, previous.click, steps(-1), "previous_query")
    _choose(shared, following.click, steps(1), "next_query")


def _listen_to_sidebar(shared: Shared, sidebar: Sidebar) -> None:
    library, bench = shared.library, shared.bench
    how = shared.selected[4:]

    def settle(*values: Any) -> Updates:
        return shared.chose(selection_of(*values))

    for name, event in {
        "choose_first_stage": shared.method.input,
        "choose_depth": shared.depth.submit,
        "leave_depth": shared.depth.blur,
    }.items():
        shared.listen(
            event, settle, shared.selected, [shared.chosen, shared.address],
            name=name, concurrency_id="choose",
        )  # fmt: skip

    def choose_model(*values: Any) -> Updates:
        *selected, point, threshold = values
        model = selected[6]
        card = bench.reranker(model).card
        # A named point moves with the model; a threshold of one's own stays where it is.
        if point != CUSTOM:
            point, threshold = starting_point(card, point)
        return {
            sidebar.model_note: bench.note(model),
            shared.point: gr.update(choices=point_choices(card), value=point),
            sidebar.point_note: point_note(card, point),
            shared.threshold: threshold,
            **shared.chose(selection_of(*selected)),
        }

    shared.listen(
        shared.model.input,
        choose_model,
        [*shared.selected, shared.point, shared.threshold],
        [sidebar.model_note, shared.point, sidebar.point_note, shared.threshold]
        + [shared.chosen, shared.address],
        name="choose_model",
    )

    def brought(collection: Collection, values: tuple[Any, ...]) -> Updates:
        # Earlier uploads are not listed again: the server does not know whose they were.
        fixed = [(each.title, key) for key, each in library.fixed.items()]
        name = next(iter(collection.dialogues))
        place = Place(collection.key, name, first_example(collection.dialogues[name]))
        listed = gr.update(
            choices=[*fixed, (collection.title, collection.key)], value=collection.key
        )
        return {**shared.settled(place, values), shared.collection: listed}

    def add_file(path: str, *values: Any) -> Updates:
        file = Path(path)
        try:
            return brought(library.add_file(file, file.name), values)
        finally:
            # Somebody's conversation: it is in memory now, or of no use.
            with suppress(OSError):
                file.unlink()

    def add_text(text: str, *values: Any) -> Updates:
        return brought(library.add_text(text or ""), values)

    for name, event, handler, source in (
        ("open_file", sidebar.file.upload, add_file, sidebar.file),
        ("open_pasted_chat", sidebar.read_pasted.click, add_text, sidebar.pasted),
    ):
        shared.listen(
            event, handler, [source, *how], shared.settings, name=name, concurrency_id="choose"
        )


def _listen_to_points(shared: Shared, sidebar: Sidebar) -> None:
    bench = shared.bench

    def choose_point(point: str, model: str) -> Updates:
        card = bench.reranker(model).card
        moved = {shared.threshold: card.thresholds[point]} if point in card.thresholds else {}
        return {sidebar.point_note: point_note(card, point), **moved}

    shared.listen(
        shared.point.input,
        choose_point,
        [shared.point, shared.model],
        [sidebar.point_note, shared.threshold],
        name="choose_point",
        concurrency_id="choose",
    )
    browser_only = {"api_visibility": "private", "queue": False, "show_progress": "hidden"}
    shared.threshold.change(
        None, [shared.threshold], None, js=SEND_THRESHOLD, api_name="move_threshold", **browser_only
    )
    # By hand, so it is no named point any more; said in the browser, where it happens.
    shared.threshold.input(
        None, None, [shared.point, sidebar.point_note],
        js=f"() => ['{CUSTOM}', 'Your own threshold: nothing is promised for it.']",
        api_name="leave_point", **browser_only,
    )  # fmt: skip
    gr.on(
        [shared.threshold.change, shared.point.change], None, [shared.threshold, shared.point],
        None, js="(threshold, point) => window.labkit?.cut(threshold, point)",
        api_name="write_threshold", **browser_only,
    )  # fmt: skip


def _listen_to_address(lab: gr.Blocks, shared: Shared, sidebar: Sidebar) -> None:
    library, bench = shared.library, shared.bench
    shared.chosen.change(
        None, [shared.address], None, js="(place) => window.labkit?.write(place)",
        api_name="write_address", api_visibility="private", queue=False,
    )  # fmt: skip

    def open_link(request: gr.Request) -> Updates:
        params = dict(request.query_params)
        if not params:
            return {shared.notice: ""}
        how = how_of(params, bench)
        card = bench.reranker(how.model).card
        point, threshold = starting_point(card, how.point)
        if how.threshold is not None:
            point, threshold = CUSTOM, how.threshold
        ranked = {
            shared.method: how.method,
            shared.depth: how.depth,
            shared.model: how.model,
            sidebar.model_note: bench.note(how.model),
            shared.point: gr.update(choices=point_choices(card), value=point),
            sidebar.point_note: point_note(card, point),
            shared.threshold: threshold,
        }
        if params.get("tab") in {str(tab.id) for tab in shared.tabs.children}:
            ranked[shared.tabs] = gr.Tabs(selected=params["tab"])
        try:
            return {**shared.settled(opening(library, params), how[:3]), **ranked}
        except InputError as error:
            settled = shared.settled(opening(library, {}), how[:3])
            return {**settled, **ranked, shared.notice: str(error)}

    loaded = lab.load(
        open_link,
        None,
        [
            *shared.settings, shared.method, shared.depth, shared.model, sidebar.model_note,
            shared.point, sidebar.point_note, shared.threshold, shared.tabs,
        ],
        api_name="open_link", api_visibility="private", show_progress="hidden",
    )  # fmt: skip
    # Until the link is read, nothing may write over it.
    loaded.then(
        None, None, None, js="() => { window.labkitLinkIsRead = true; }", api_name="link_is_read",
        api_visibility="private", queue=False,
    )  # fmt: skip
