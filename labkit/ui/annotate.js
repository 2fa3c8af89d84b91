// The Annotate tab. Cards come ahead of time, a decision moves on at once, and the outbox stores it:
// so whoever types fast waits for nothing, and every decision names the card that it was made on.
const ABOUT = [
  ["1", "Irrelevant", "no help, whatever words it shares with the question"],
  ["2", "Related, key information missing", "same person, thing or event; what was asked is not in it, or no longer true"],
  ["3", "Partly", "gives a part of what was asked, another part is missing"],
  ["4", "Strongly supports", "the answer follows with one small step, or all but a detail"],
  ["5", "Contains the answer", "whoever reads only this memory can answer"],
];
const RELEVANT_FROM = 3;
const REASONS = [
  "The question has two readings.",
  "The texts contradict each other.",
  "A word or a fact is missing.",
  "I do not know the language or the subject.",
];
const AHEAD = 80;
const REFILL_BELOW = 60;
const SECOND_CLICK = 400;
const MEMORY = "labkit:annotate";
const OPENED = "labkit:opened:";
const OPENED_KEPT = 5_000;

const ui = {};
const state = {
  start: null, // what may be asked for
  session: null, // what the server said of the queue
  asked: null, // how the queue is asked for, sent with everything
  cards: new Map(),
  sealed: new Map(),
  states: new Map(), // item -> what stands of it
  trail: [], // what was done and not undone, in order
  path: [], // cards that were shown before this one
  opened: new Set(), // items whose scores this annotator has seen, in this browser
  openedBy: "",
  unblind: false,
  withSkipped: false,
  at: null,
  cardId: "",
  shown: 0,
  looked: 0,
  lookingSince: null,
  generation: 0, // of queues: an answer for an earlier one comes too late
  changes: 0, // how much was done: an answer from before is no longer true
  fetching: false,
  begun: false,
};

// --- whose scores were seen: nobody is blind to what a reload or another queue took from the page ------

const takeUpOpened = () => {
  const by = `${OPENED}${state.session.store}:${state.asked.annotator}`;
  if (by === state.openedBy) return;
  state.openedBy = by;
  try {
    state.opened = new Set(JSON.parse(remembered(by)) ?? []);
  } catch {
    state.opened = new Set();
  }
};
const noteOpened = (item) => {
  if (state.opened.has(item)) return;
  state.opened.add(item);
  remember(state.openedBy, JSON.stringify([...state.opened].slice(-OPENED_KEPT)));
};

// --- small parts ------------------------------------------------------------------------------

const button = (className, onClick, ...children) => {
  const node = el("button", className, ...children);
  node.type = "button";
  node.addEventListener("click", onClick);
  return node;
};
const key = (letter) => {
  const node = el("kbd", "", letter);
  node.setAttribute("aria-hidden", "true");
  return node;
};
const labelled = (text, field) => el("label", "lk-field", el("span", "", text), field);
const announce = (text) => {
  ui.live.textContent = text;
};
const seconds = (value) => (value === null ? "" : `${(value / 1000).toFixed(value < 9_950 ? 1 : 0)} s`);

// --- the queue, as labkit/annotation/queue.py goes through it -----------------------------------

const isOpen = (item) => {
  const found = state.states.get(item);
  return !found || (state.withSkipped && found.kind === "skip" && !found.again);
};

const inOrder = (after) => {
  const { queue, requested } = state.session;
  const start = after === null ? 0 : queue.indexOf(after) + 1;
  return [...new Set([...queue.slice(0, requested), ...queue.slice(start), ...queue.slice(0, start)])];
};

const nextOpen = (after) => inOrder(after).find((item) => item !== after && isOpen(item)) ?? null;

// What stands of an item: the last judgement; a skip only where nothing was said.
const recompute = (item) => {
  const done = state.trail.filter((each) => each.item === item);
  const found = done.filter((each) => each.kind !== "skip").at(-1) ?? done.at(-1);
  if (found) state.states.set(item, found);
  else state.states.delete(item);
};

// --- storing ----------------------------------------------------------------------------------

const outbox = newOutbox({
  onSaved: (event, sealed) => {
    if (sealed) state.sealed.set(event.item, sealed);
  },
  onRefused: (event, error) => {
    state.trail = state.trail.filter((each) => each.id !== event.id);
    if (state.session && event.item) recompute(event.item);
    ui.refused.append(el("li", "", `Not stored: ${said(event)}: ${error}`));
    ui.refused.hidden = false;
    drawProgress();
  },
  onChange: () => drawSaved(),
});

const said = (event) => {
  if (event.kind === "label") return `level ${event.level + 1}`;
  return { cannot_tell: "can't tell", skip: "skipped", undo: "undo" }[event.kind];
};

const drawSaved = () => {
  if (!ui.saved) return;
  const waiting = outbox.waiting();
  ui.saved.className = outbox.failed && waiting ? "lk-saved lk-failed" : "lk-saved";
  if (!waiting) {
    ui.saved.replaceChildren(outbox.saved ? `✓ all saved (${outbox.saved} just now)` : "✓ nothing waits to be saved");
  } else if (outbox.failed) {
    const things = waiting === 1 ? "1 judgement is" : `${waiting} judgements are`;
    ui.saved.replaceChildren(
      el("b", "", `! Not saved: ${things} kept in this browser`),
      ` until the lab takes them: ${outbox.failed}. It is tried again by itself. `,
      button("lk-small", () => outbox.flush(), "Try now"),
    );
  } else {
    ui.saved.replaceChildren(`saving ${waiting} …`);
  }
};

// --- time on a card: only while the page is looked at --------------------------------------------

const look = () => {
  if (!state.begun) return;
  const now = performance.now();
  if (state.lookingSince !== null) state.looked += now - state.lookingSince;
  state.lookingSince = isVisible() && document.visibilityState === "visible" ? now : null;
};
const isVisible = () => element.isConnected && element.offsetParent !== null;

// --- what an annotator does ---------------------------------------------------------------------

const decide = (kind, level = null, reason = "") => {
  const item = state.at;
  const card = state.cards.get(item);
  if (!item || !card) return announce("The next card is not here yet.");
  if (kind === "skip" && ui.reason.open) closeReason();
  look();
  const hard = kind === "label" && level < RELEVANT_FROM;
  const event = {
    id: state.cardId,
    item,
    query: card.query,
    memory: card.memory,
    kind,
    level,
    note: reason || ui.note.value.trim(),
    negative_kind: hard ? ui.kind.value : "",
    blind: !state.opened.has(item),
    milliseconds: Math.round(state.looked),
  };
  state.changes += 1;
  state.trail.push({ ...event, again: kind === "skip" });
  recompute(item);
  outbox.add(state.asked, event);
  announce(`${kind === "label" ? ABOUT[level][1] : said(event)}.`);
  state.path.push(item);
  show(nextOpen(item));
};

const undo = () => {
  const done = state.trail.pop();
  if (!done) return announce("Nothing left to undo.");
  state.changes += 1;
  recompute(done.item);
  outbox.add(state.asked, { id: newId(), kind: "undo", undo_of: done.id, item: done.item });
  announce(`Undone: ${said(done)}.`);
  if (state.path.at(-1) === done.item) state.path.pop();
  show(done.item, done);
};

const back = () => {
  const { queue } = state.session;
  const place = state.at === null ? queue.length : queue.indexOf(state.at);
  const item = state.path.pop() ?? queue[place - 1];
  if (item === undefined) return announce("This is the first card.");
  show(item);
};

// --- a card -------------------------------------------------------------------------------------

const show = (item, filled = null) => {
  state.at = item;
  state.cardId = newId();
  state.shown = performance.now();
  state.looked = 0;
  state.lookingSince = null;
  look();
  closeReason();
  const stands = filled ?? state.states.get(item);
  ui.note.value = stands?.note ?? "";
  ui.kind.value = stands?.negative_kind ?? "";
  if (ui.kind.value !== (stands?.negative_kind ?? "")) ui.kind.value = "";
  drawProgress();
  drawCard();
  if (isTyping(document.activeElement ?? document.body) && element.contains(document.activeElement)) ui.card.focus();
  prefetch();
};

const memoryLine = (memory) => {
  const when = el("span", "lk-date", memory.date || "no date");
  if (memory.when) when.title = memory.when;
  const line = el(
    "li",
    memory.judged ? "lk-judged" : "",
    el("span", "lk-meta", when, memory.speaker ? el("span", "lk-who", memory.speaker) : "",
      memory.judged ? el("b", "lk-pointer", "▶ judge this memory") : ""),
    el("span", "lk-text", memory.text),
  );
  if (memory.judged) line.setAttribute("aria-current", "true");
  return line;
};

const drawTimeline = (shown, whole = false) => {
  const beyond = (count, where) => (count ? el("li", "lk-beyond", `${count} more ${where}`) : "");
  ui.timeline.replaceChildren(
    beyond(shown.before, "before"),
    ...shown.memories.map(memoryLine),
    beyond(shown.after, "after"),
  );
  const all = shown.before + shown.after === 0;
  ui.all.hidden = all && !whole;
  ui.all.replaceChildren(whole ? "Fewer memories " : "All memories ", key("m"));
  ui.all.setAttribute("aria-pressed", String(whole));
  ui.whole = whole;
  if (whole) ui.timeline.querySelector(".lk-judged")?.scrollIntoView({ block: "center" });
};

const allMemories = async () => {
  const item = state.at;
  const card = state.cards.get(item);
  if (!card || ui.all.hidden) return;
  if (ui.whole) return drawTimeline(card);
  try {
    const found = await call("annotate_around", { ...state.asked, item });
    if (found.error) throw new Error(found.error);
    if (state.at === item) drawTimeline(found, true);
  } catch (error) {
    announce(`${error.message}`);
  }
};

const drawCard = () => {
  const item = state.at;
  const card = state.cards.get(item);
  ui.finished.hidden = item !== null;
  ui.work.hidden = item === null;
  if (item === null) return drawFinished();
  ui.card.setAttribute("aria-busy", String(!card));
  if (!card) {
    ui.asked.replaceChildren(el("p", "lk-none", "The next card is on its way …"));
    ui.timeline.replaceChildren();
    ui.sealed.replaceChildren();
    return;
  }
  const turns = card.turns.map((turn) =>
    el("li", turn.mine ? "mine" : "theirs", el("span", "lk-speaker", turn.speaker), el("span", "lk-said", turn.text)),
  );
  const facts = [["asked on", card.date], ["instruction", card.instruction]].filter(([, value]) => value);
  ui.asked.replaceChildren(
    turns.length ? el("ol", "lk-chat", ...turns) : el("p", "lk-none", "No dialogue before the question."),
    el("p", "lk-asked-question", card.question),
    facts.length
      ? el("dl", "lk-facts", ...facts.map(([name, value]) => el("div", "", el("dt", "", name), el("dd", "", value))))
      : "",
  );
  drawTimeline(card);
  drawSealed();
  drawChosen();
};

// What models and the data say: where the annotator wants it, or has decided.
const drawSealed = () => {
  const item = state.at;
  const stands = state.states.get(item);
  const judged = stands && stands.kind !== "skip";
  if (!state.unblind && !judged) {
    ui.sealed.replaceChildren(el("span", "lk-none", "Scores and the present label are hidden until you have decided."));
    return;
  }
  if (!state.sealed.has(item)) {
    ui.sealed.replaceChildren(el("span", "lk-none", "…"));
    fetchCards([], [item]);
    return;
  }
  const found = state.sealed.get(item);
  if (!found) {
    ui.sealed.replaceChildren(el("span", "lk-none", "The lab no longer has this memory."));
    return;
  }
  noteOpened(item);
  const number = (value) => (value === null ? "not asked" : value.toFixed(3));
  const facts = [
    ["data says", `${found.label.toFixed(2)} ${found.level}`],
    ["as", (found.negative_kind || "").replaceAll("_", " ")],
    ["teachers", number(found.teacher)],
    [found.model.split(/[\\/]/).at(-1), number(found.probability)],
    ["chosen by", found.sampler],
    ["query kind", found.query_kind],
    ["author", found.why],
  ].filter(([, value]) => value);
  ui.sealed.replaceChildren(
    el("dl", "lk-facts", ...facts.map(([name, value]) => el("div", "", el("dt", "", name), el("dd", "", value)))),
  );
};

const drawChosen = () => {
  const stands = state.states.get(state.at);
  for (const [level, node] of ui.levels.entries()) {
    const chosen = stands?.kind === "label" && stands.level === level;
    node.setAttribute("aria-pressed", String(chosen));
  }
  ui.cannot.setAttribute("aria-pressed", String(stands?.kind === "cannot_tell"));
  ui.before.textContent = stands ? `You said: ${said(stands)}. Another judgement takes its place.` : "";
};

const drawProgress = () => {
  const { queue, queries, left_out: leftOut, scored, source } = state.session;
  const of = (kind) => queue.filter((item) => state.states.get(item)?.kind === kind).length;
  const [labels, unsure, skipped] = [of("label"), of("cannot_tell"), of("skip")];
  const times = queue
    .map((item) => state.states.get(item))
    .filter((each) => each && each.kind !== "skip" && typeof each.milliseconds === "number")
    .map((each) => each.milliseconds)
    .sort((a, b) => a - b);
  const median = times.length ? times[Math.floor(times.length / 2)] : null;
  ui.bar.max = Math.max(queue.length, 1);
  ui.bar.value = labels + unsure;
  const place = state.at === null ? "" : `card ${queue.indexOf(state.at) + 1} of ${queue.length}`;
  const parts = [
    place,
    `${labels + unsure} judged`,
    unsure ? `${unsure} can't tell` : "",
    skipped ? `${skipped} skipped` : "",
    median === null ? "" : `${seconds(median)} a card`,
  ];
  ui.count.textContent = parts.filter(Boolean).join(" · ");
  ui.about.textContent = [
    `split ${source.split}, ${queries} queries${leftOut ? ` (${leftOut} left out: too many to score at once)` : ""}`,
    scored ? `sampled by what ${source.model.split(/[\\/]/).at(-1)} finds hard` : "what the data calls hard, and a random control",
    state.session.requested ? `${state.session.requested} requested` : "",
  ].filter(Boolean).join(" · ");
  ui.recent.replaceChildren(
    ...state.trail.slice(-6).reverse().map((each) => {
      const card = state.cards.get(each.item);
      const text = card ? card.memories.find((memory) => memory.judged).text : "";
      return el("li", "", button("lk-recent-one", () => { state.path.push(state.at); show(each.item); },
        el("b", "", said(each)), ` ${text.length > 70 ? `${text.slice(0, 69)}…` : text}`));
    }),
  );
  ui.recentBox.hidden = !state.trail.length;
  ui.undo.disabled = !state.trail.length;
};

const drawFinished = () => {
  const { queue } = state.session;
  const skipped = queue.filter((item) => state.states.get(item)?.kind === "skip");
  ui.finished.replaceChildren(
    el("p", "lk-empty", queue.length
      ? `That was the whole queue: ${queue.length} memories. Thank you.`
      : "There is nothing to label in this split: no memory that is labelled as not relevant."),
    skipped.length
      ? button("lk-wide", () => {
          state.withSkipped = true;
          for (const each of state.states.values()) each.again = false;
          show(nextOpen(null));
        }, `Look again at the ${skipped.length} skipped`)
      : "",
    queue.length ? button("lk-wide", back, "Back to the last card ", key("b")) : "",
  );
  announce("The queue is done.");
};

// --- cards from the server ----------------------------------------------------------------------

const fetchCards = async (items, unsealed) => {
  const generation = state.generation;
  state.fetching = true;
  let found;
  try {
    found = await call("annotate_cards", { ...state.asked, items, unsealed });
    if (found.error) throw new Error(found.error);
  } catch (error) {
    state.fetching = false;
    if (generation === state.generation) {
      // A card that does not come is asked for again.
      if (!state.cards.has(state.at) && state.at !== null) {
        ui.asked.replaceChildren(el("p", "lk-none", `The next card does not come: ${error.message}. It is asked for again.`));
      }
      setTimeout(() => generation === state.generation && isVisible() && prefetch(), 2_000);
    }
    return;
  }
  state.fetching = false;
  if (generation !== state.generation) return;
  const waited = state.at !== null && !state.cards.has(state.at);
  for (const card of found.cards) state.cards.set(card.item, card);
  for (const item of unsealed) state.sealed.set(item, found.sealed[item] ?? null);
  // What the lab no longer has (its data changed under this page) is no card of this queue.
  const gone = new Set(items.filter((item) => !state.cards.has(item)));
  if (gone.size) {
    state.session.queue = state.session.queue.filter((item) => !gone.has(item));
    if (gone.has(state.at)) return show(nextOpen(null));
  }
  if (waited && state.cards.has(state.at)) {
    state.cardId = newId();
    state.shown = performance.now();
    state.looked = 0;
    state.lookingSince = null;
    look();
    drawCard();
  } else if (unsealed.includes(state.at)) drawSealed();
  drawProgress();
  prefetch();
};

const prefetch = () => {
  if (state.fetching || state.at === null) return;
  const ahead = [state.at, ...inOrder(state.at).filter((item) => item !== state.at && isOpen(item))].slice(0, AHEAD);
  const missing = ahead.filter((item) => !state.cards.has(item));
  if (missing.length && (missing[0] === state.at || ahead.length - missing.length < Math.min(REFILL_BELOW, ahead.length))) {
    fetchCards(missing, []);
  }
};

// --- can't tell ---------------------------------------------------------------------------------

const askReason = () => {
  if (!state.cards.has(state.at)) return;
  ui.reason.open = true;
  ui.reason.hidden = false;
  ui.why.value = ui.note.value;
  ui.why.focus();
};
const closeReason = () => {
  if (!ui.reason || ui.reason.hidden) return;
  const inside = ui.reason.contains(document.activeElement);
  ui.reason.hidden = true;
  ui.reason.open = false;
  if (inside) ui.card.focus();
};
const cannotTell = (reason) => {
  const text = reason.trim();
  if (!text) {
    ui.why.focus();
    return announce("A reason is needed.");
  }
  decide("cannot_tell", null, text);
};

// --- the page -----------------------------------------------------------------------------------

// The second click of a double click lands on the next card: it is not meant for it.
const clicked = (act) => (event) => {
  if (event.detail > 1 && performance.now() - state.shown < SECOND_CLICK) return;
  act();
};

const layOut = () => {
  ui.live = el("p", "lk-hidden", "");
  ui.live.setAttribute("aria-live", "polite");
  ui.saved = el("p", "lk-saved");
  ui.saved.setAttribute("role", "status");
  ui.refused = el("ul", "lk-refused");
  ui.refused.hidden = true;
  ui.refused.setAttribute("role", "alert");
  ui.bar = el("progress", "lk-meter");
  ui.bar.setAttribute("aria-label", "judged of the queue");
  ui.count = el("span", "lk-count");
  ui.about = el("p", "lk-line");
  ui.asked = el("div", "lk-asked");
  ui.timeline = el("ol", "lk-timeline");
  ui.timeline.setAttribute("aria-label", "the memory and its neighbours in time");
  ui.sealed = el("div", "lk-sealed");
  ui.before = el("p", "lk-line lk-before");
  ui.all = button("lk-small", allMemories);
  ui.note = el("input", "lk-note-field");
  ui.note.maxLength = 4000;
  ui.note.placeholder = "optional; Enter goes back to the card";
  ui.kind = el("select", "");
  ui.kind.append(new Option("not said", ""), ...state.session.kinds.map((kind) => new Option(kind.replaceAll("_", " "), kind)));
  for (const field of [ui.note, ui.kind]) {
    field.addEventListener("keydown", (event) => {
      if (event.key === "Escape" || event.key === "Enter") {
        event.preventDefault();
        ui.card.focus();
      }
    });
  }
  ui.why = el("input", "");
  ui.why.maxLength = 4000;
  ui.why.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.isComposing) {
      event.preventDefault();
      cannotTell(ui.why.value);
    }
    if (event.key === "Escape") closeReason();
  });
  ui.reason = el(
    "div",
    "lk-reason",
    labelled("Why can it not be told? Enter saves, Esc goes back.", ui.why),
    el("div", "lk-reasons", ...REASONS.map((text) => button("lk-small", () => cannotTell(text), text)),
      button("lk-small", () => cannotTell(ui.why.value), "Save this reason")),
  );
  ui.reason.hidden = true;
  ui.reason.addEventListener("keydown", (event) => event.key === "Escape" && closeReason());
  ui.levels = ABOUT.map(([digit, name, help], level) => {
    const node = button("lk-level", clicked(() => decide("label", level)), key(digit), el("span", "", name));
    node.title = help;
    node.setAttribute("aria-keyshortcuts", digit);
    return node;
  });
  const action = (letter, name, act) => {
    const node = button("lk-action", clicked(act), key(letter), el("span", "", name));
    node.setAttribute("aria-keyshortcuts", letter);
    return node;
  };
  ui.cannot = action("?", "Can't tell", askReason);
  ui.undo = action("u", "Undo", undo);
  const unblind = el("input", "");
  unblind.type = "checkbox";
  unblind.checked = state.unblind;
  unblind.addEventListener("change", () => {
    state.unblind = unblind.checked;
    drawSealed();
  });
  ui.recent = el("ol", "lk-recent");
  ui.recentBox = el("details", "", el("summary", "", "What you did last"), ui.recent);
  ui.recentBox.open = true;
  ui.inspect = button("lk-small", () => {
    const card = state.cards.get(state.at);
    if (!card) return;
    noteOpened(state.at); // scores stand there
    trigger("inspect", { collection: state.asked.collection, query: card.query, memory: card.memory });
  }, "Open in Inspect (shows scores)");
  ui.card = el(
    "div",
    "lk-card",
    el("div", "lk-side", ui.asked),
    el("div", "lk-side", ui.timeline, el("div", "lk-more", ui.all, ui.inspect)),
  );
  ui.card.tabIndex = -1;
  ui.card.setAttribute("aria-label", "the question and the memory");
  ui.card.setAttribute("role", "group");
  ui.work = el(
    "div",
    "",
    ui.card,
    el(
      "div",
      "lk-bar-of-keys",
      el("div", "lk-levels", ...ui.levels),
      ui.before,
      ui.reason,
      el("div", "lk-actions", ui.cannot, action("s", "Skip", () => decide("skip")), ui.undo, action("b", "Back", back),
        labelled(el("span", "", "How it fools ", key("k")), ui.kind),
        labelled(el("span", "", "Note ", key("n")), ui.note)),
      ui.sealed,
    ),
  );
  ui.finished = el("div", "lk-finished");
  const { annotator } = state.session;
  element.replaceChildren(
    el(
      "div",
      "lk-desk",
      el("div", "lk-head", ui.bar, ui.count,
        el("label", "lk-switch", unblind, "show scores"),
        el("span", "lk-name", `annotator ${annotator} `, state.start.login ? "" : button("lk-small", ask, "change")),
        splitPicker((split) => begin(annotator, split))),
      ui.about,
      ui.saved,
      ui.refused,
      ui.work,
      ui.finished,
      ui.recentBox,
      ui.live,
    ),
  );
};

const splitPicker = (onChange) => {
  const splits = Object.entries(state.start.splits);
  const picker = el("select", "");
  picker.append(...splits.map(([split, count]) => new Option(`${split} (${count} queries)`, split)));
  picker.value = state.asked?.split in state.start.splits ? state.asked.split : splits[0]?.[0];
  picker.addEventListener("change", () => onChange(picker.value));
  return labelled("queries of", picker);
};

const ask = () => {
  state.generation += 1;
  state.begun = false;
  state.at = null;
  if (!Object.keys(state.start.splits).length) {
    element.replaceChildren(el("p", "lk-empty", `Nobody asks anything in ${state.start.title}: there is nothing to label. Choose another collection.`));
    return;
  }
  const name = el("input", "");
  name.value = state.start.login ?? last().annotator ?? "";
  name.maxLength = 60;
  name.autocomplete = "off";
  name.disabled = Boolean(state.start.login);
  name.required = true;
  const split = splitPicker(() => {});
  const wanted = last().split;
  if (wanted in state.start.splits) split.querySelector("select").value = wanted;
  const form = el(
    "form",
    "lk-begin",
    el("p", "", "You read memories that are labelled as not relevant and that models find hard, and say how far each one answers its question. Each judgement is stored at once, under your name, and you can go on where you left."),
    labelled(state.start.login ? "You are logged in as" : "Your name, as it is stored with each judgement", name),
    split,
  );
  const go = el("button", "lk-primary", "Begin");
  go.type = "submit";
  form.append(go);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const given = name.value.trim().replace(/\s+/g, " ");
    if (given) begin(given, split.querySelector("select").value);
    else name.focus();
  });
  element.replaceChildren(form);
};

const last = () => {
  try {
    return JSON.parse(remembered(MEMORY)) ?? {};
  } catch {
    return {};
  }
};

const waitFor = (message, ...more) => {
  element.replaceChildren(el("div", "lk-waiting", el("p", "lk-empty", message), ...more));
};

// Open the queue: at the beginning, and again (``keep``) when the page comes back to this tab.
const begin = async (annotator, split, { scored = true, keep = false } = {}) => {
  const generation = keep ? state.generation : (state.generation += 1);
  const { changes } = state;
  const { collection, model } = props.value;
  const asked = { collection, split, model, annotator, scored };
  if (!keep) waitFor("Opening the queue …");
  let found;
  for (;;) {
    try {
      found = await call("annotate_open", asked);
    } catch (error) {
      found = { error: error.message };
    }
    if (generation !== state.generation) return;
    if (keep && (found.error || changes !== state.changes)) return;
    if (found.error) {
      waitFor(`The queue cannot be opened: ${found.error}.`,
        button("lk-wide", () => begin(annotator, split, { scored }), "Try again"), button("lk-wide", ask, "Choose again"));
      return;
    }
    if (found.state === "ready") break;
    if (keep) return;
    const bar = el("progress", "lk-meter");
    bar.max = Math.max(found.total, 1);
    bar.value = found.done;
    waitFor(`${model.split(/[\\/]/).at(-1)} reads the queries, to find the hard ones: ${found.done} of ${found.total}. This is kept for next time.`,
      bar, button("lk-wide", () => begin(annotator, split, { scored: false }), "Begin without its scores"));
    await new Promise((done) => setTimeout(done, 700));
    if (generation !== state.generation) return;
  }
  remember(MEMORY, JSON.stringify({ annotator, split }));
  state.asked = asked;
  state.session = found;
  if (!keep) {
    state.cards.clear();
    state.sealed.clear();
    state.path = [];
    state.withSkipped = false;
  }
  takeUpOpened();
  for (const card of found.cards) state.cards.set(card.item, card);
  state.trail = found.trail;
  state.states = new Map();
  outbox.open(found.store, annotator);
  // What waits in this browser will be stored: it counts already.
  const inQueue = new Set(found.queue);
  for (const event of outbox.events()) {
    if (event.kind === "undo") state.trail = state.trail.filter((each) => each.id !== event.undo_of);
    else if (inQueue.has(event.item) && !state.trail.some((each) => each.id === event.id)) state.trail.push(event);
  }
  for (const item of new Set(state.trail.map((each) => each.item))) recompute(item);
  const stay = keep && state.at !== null && inQueue.has(state.at);
  if (stay) return drawProgress();
  state.begun = true;
  layOut();
  drawSaved();
  show(nextOpen(state.trail.filter((each) => inQueue.has(each.item)).at(-1)?.item ?? null));
  ui.card.focus({ preventScroll: true });
};

// --- keys -----------------------------------------------------------------------------------------

const KEYS = {
  "?": askReason,
  s: () => decide("skip"),
  u: undo,
  b: back,
  n: () => ui.note.focus(),
  k: () => ui.kind.focus(),
  m: allMemories,
};

document.addEventListener("keydown", (event) => {
  if (!state.begun || !isVisible()) return;
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || event.isComposing) return;
  if (isTyping(event.target)) return;
  const level = "12345".indexOf(event.key);
  const act = level >= 0 ? () => decide("label", level) : KEYS[event.key];
  if (!act) return;
  if (state.at === null && !["u", "b"].includes(event.key)) return;
  event.preventDefault(); // else the key that opens a field is typed into it
  act();
});
document.addEventListener("visibilitychange", look);

// --- coming and going -------------------------------------------------------------------------------

// What the sidebar says (collection, model) is all that the page gives; the rest is asked for.
const open = async () => {
  const { collection, model } = props.value;
  const generation = (state.generation += 1);
  state.begun = false;
  waitFor("Opening …");
  let found;
  try {
    found = await call("annotate_start", { collection, model });
  } catch (error) {
    found = { error: error.message };
  }
  if (generation !== state.generation) return;
  if (found.error) return waitFor(`${found.error}.`, button("lk-wide", open, "Try again"));
  state.start = found;
  const known = last();
  const annotator = found.login ?? known.annotator;
  if (annotator && known.split in found.splits) begin(annotator, known.split);
  else ask();
};

// Nothing is opened before somebody looks at the tab.
const draw = () => {
  const { collection, model } = props.value ?? {};
  const same = state.start && state.start.collection === collection && state.start.model === model;
  if (collection && isVisible() && !same) open();
};

new IntersectionObserver((entries) => {
  if (!element.isConnected) return;
  look();
  if (!entries.at(-1).isIntersecting) return;
  draw();
  if (state.begun && !outbox.waiting()) {
    begin(state.asked.annotator, state.asked.split, { scored: state.asked.scored, keep: true });
  }
}).observe(element);
