// The Agreement tab: who agrees with whom, and the items on which people differ, to be settled here.
const MEMORY = "labkit:annotate"; // what the Annotate tab remembers of this browser: the name
const LEVELS = ["Irrelevant", "Related, key information missing", "Partly", "Strongly supports", "Contains the answer"];
const state = { start: null, found: null, open: null, generation: 0 };

const button = (className, onClick, ...children) => {
  const node = el("button", className, ...children);
  node.type = "button";
  node.addEventListener("click", onClick);
  return node;
};
const isVisible = () => element.isConnected && element.offsetParent !== null;
const plural = (count, one, many = `${one}s`) => `${count.toLocaleString("en")} ${count === 1 ? one : many}`;
const levelText = (level) => (level === null ? "can't tell" : `${level + 1} ${LEVELS[level].toLowerCase()}`);
const asked = () => ({ collection: props.value.collection, model: props.value.model });

const annotator = () => {
  if (state.found.login) return state.found.login;
  try {
    return JSON.parse(remembered(MEMORY))?.annotator ?? "";
  } catch {
    return "";
  }
};

// --- numbers ------------------------------------------------------------------------------------

// From 0 to 1: the interval as a bar, the value as a stroke. Below 0 it stops at the edge.
const range = ({ value, low, high, text }) => {
  const node = el("span", "lk-range");
  node.setAttribute("role", "img");
  node.setAttribute("aria-label", text);
  const at = (number) => `${(100 * Math.min(Math.max(number, 0), 1)).toFixed(1)}%`;
  if (low !== null) {
    const bar = el("i", "");
    bar.style.left = at(low);
    bar.style.width = `calc(${at(high)} - ${at(low)})`;
    node.append(bar);
  }
  if (value !== null) {
    const mark = el("b", "");
    mark.style.left = at(value);
    node.append(mark);
  }
  return node;
};

const table = (caption, head, rows) => {
  const cell = (tag, [text, isNumber]) => {
    const node = el(tag, isNumber ? "lk-number" : "", text);
    if (tag === "th") node.scope = "col";
    return node;
  };
  const wide = el(
    "div",
    "lk-sideways",
    el(
      "table",
      "",
      el("caption", "", caption),
      el("thead", "", el("tr", "", ...head.map((each) => cell(each[0] ? "th" : "td", each)))),
      el("tbody", "", ...rows.map((row) => el("tr", "", ...row.map((each) => cell("td", each))))),
    ),
  );
  // What scrolls sideways where the page is narrow can be reached by keyboard.
  wide.tabIndex = 0;
  wide.setAttribute("role", "region");
  wide.setAttribute("aria-label", caption);
  return wide;
};

const kappas = (caption, rows, nothing) =>
  rows.length
    ? table(
        caption,
        [["", false], ["weighted kappa, 95 %", false], ["0 to 1", false], ["relevant or not", true], ["items", true], ["queries", true]],
        rows.map((row) => [
          [`${row.first} – ${row.second}`, false],
          [row.text.replace(" (95 % ", " (").replace("not known", "–"), false],
          [range(row), false],
          [row.relevant === null ? "–" : row.relevant.toFixed(3), true],
          [String(row.items), true],
          [String(row.queries), true],
        ]),
      )
    : el("p", "lk-none", nothing);

const tiles = (found) => {
  const tile = (name, value, note) => el("div", "", el("dt", "", name), el("dd", "", value), note ? el("dd", "lk-note", note) : "");
  const { alpha, how } = found;
  return el(
    "dl",
    "lk-tiles",
    tile("Krippendorff's alpha", alpha.value === null ? "–" : alpha.value.toFixed(3),
      alpha.value === null ? "needs two annotators on the same items" : alpha.low === null ? "" : `95 % ${alpha.low.toFixed(3)} to ${alpha.high.toFixed(3)}`),
    tile("read by two or more", String(alpha.units), plural(alpha.values, "label")),
    tile("judged", String(found.items), plural(found.events, "event")),
    tile("to settle", String(found.unsettled_all), found.unsettled_all ? "annotators differ" : "✓ nobody differs"),
    tile("settled", String(how.adjudicated ?? 0), "adjudicated"),
  );
};

// --- one item -----------------------------------------------------------------------------------

const drawItem = (place, item) => {
  const { card } = item;
  const votes = item.steps.filter((step) => step.kind === "adjudication" && !step.undone);
  const settled = votes.at(-1);
  const mine = settled && settled.annotator === annotator() ? settled : null;
  const note = el("input", "");
  note.maxLength = 4000;
  const name = el("input", "");
  name.maxLength = 60;
  name.value = annotator();
  name.disabled = Boolean(state.found.login);
  const problem = el("p", "lk-problem");
  problem.hidden = true;
  problem.setAttribute("role", "alert");
  const id = newId();
  const send = async (what, more) => {
    const given = name.value.trim().replace(/\s+/g, " ");
    if (!given) {
      name.focus();
      return;
    }
    for (const each of place.querySelectorAll("button")) each.disabled = true;
    let answer;
    try {
      answer = await call(what, { ...asked(), annotator: given, item: item.item, ...more });
    } catch (error) {
      answer = { error: error.message };
    }
    if (answer.error) {
      // The same id again: whether or not the first arrived, it counts once.
      problem.textContent = `Not stored: ${answer.error}. Try again.`;
      problem.hidden = false;
      for (const each of place.querySelectorAll("button")) each.disabled = false;
      return;
    }
    if (!state.found.login) {
      let before = {};
      try {
        before = JSON.parse(remembered(MEMORY)) ?? {};
      } catch {
        // It was nothing of ours.
      }
      remember(MEMORY, JSON.stringify({ ...before, annotator: given }));
    }
    drawItem(place, answer);
    refresh();
  };
  const settle = (level) => button(
    "lk-level",
    () => send("agreement_settle", { id, level, note: note.value.trim() }),
    el("span", "", level === null ? "Can't tell" : `${level + 1} ${LEVELS[level]}`),
  );
  const levels = [0, 1, 2, 3, 4, null].map((level) => {
    const node = settle(level);
    node.setAttribute("aria-pressed", String(Boolean(settled) && settled.level === level));
    return node;
  });
  const field = (text, node) => el("label", "lk-field", el("span", "", text), node);
  const texts = card
    ? [
        card.turns.length
          ? el("ol", "lk-chat", ...card.turns.map((turn) =>
              el("li", turn.mine ? "mine" : "theirs", el("span", "lk-speaker", turn.speaker), el("span", "lk-said", turn.text))))
          : "",
        el("p", "lk-asked-question", card.question),
        el("p", "lk-line", [card.date ? `asked on ${card.date}` : "", card.instruction].filter(Boolean).join(" · ")),
        el("ol", "lk-timeline", ...card.memories.map((memory) => {
          const line = el("li", memory.judged ? "lk-judged" : "",
            el("span", "lk-meta", el("span", "lk-date", memory.date || "no date"), memory.speaker ? el("span", "lk-who", memory.speaker) : ""),
            el("span", "lk-text", memory.text));
          if (memory.judged) line.setAttribute("aria-current", "true");
          return line;
        })),
      ]
    : [el("p", "lk-none", `Its texts are not in this collection: query ${item.query}, memory ${item.memory}.`)];
  const seen = item.steps.findLast((step) => step.probability !== null || step.teacher !== null);
  const number = (value) => (value === null ? "not asked" : value.toFixed(3));
  const facts = [
    ["stands", `${item.said}${item.how ? ` (${item.how})` : ""}`],
    ["data says", item.data === null ? "" : `${item.data.toFixed(2)} ${item.data_kind.replaceAll("_", " ")}`],
    ["teachers", seen ? number(seen.teacher) : ""],
    [seen?.model || "student", seen ? number(seen.probability) : ""],
  ].filter(([, value]) => value);
  place.replaceChildren(
    el("div", "", ...texts),
    el("dl", "lk-facts", ...facts.map(([key, value]) => el("div", "", el("dt", "", key), el("dd", "", value)))),
    el("div", "", el("h3", "lk-line", settled ? "Settle it again; the last one holds" : "Settle it, over all votes"), el("div", "lk-levels", ...levels)),
    el("div", "lk-actions", field("Note", note), field("settled by", name),
      mine ? button("lk-small", () => send("agreement_unsettle", { id, undo_of: mine.id }), "Take my last one back") : ""),
    problem,
    el("h3", "lk-line", "All that was done to it"),
    el("ol", "lk-history", ...item.steps.map((step) => {
      const more = [
        step.kind === "adjudication" ? "settled" : "",
        step.negative_kind.replaceAll("_", " "),
        step.note ? `“${step.note}”` : "",
        step.seconds === null ? "" : `${step.seconds.toFixed(1)} s`,
        step.kind === "label" && !step.blind ? "saw the scores" : "",
        step.undone ? "(undone)" : "",
      ].filter(Boolean).join(" · ");
      return el("li", step.undone ? "lk-undone" : "", el("time", "", step.time), ` ${step.annotator}: `, el("b", "", step.said), more ? ` · ${more}` : "");
    })),
  );
};

const line = (each) => {
  const place = el("div", "lk-open-item");
  place.hidden = true;
  const node = button(
    "lk-item",
    async () => {
      const opening = place.hidden;
      for (const other of element.querySelectorAll(".lk-item[aria-expanded='true']")) {
        other.setAttribute("aria-expanded", "false");
        other.nextElementSibling.hidden = true;
      }
      state.open = opening ? each.item : null;
      if (!opening) return;
      node.setAttribute("aria-expanded", "true");
      place.hidden = false;
      place.replaceChildren(el("p", "lk-none", "Opening …"));
      try {
        const found = await call("agreement_item", { ...asked(), item: each.item });
        if (found.error) throw new Error(found.error);
        drawItem(place, found);
      } catch (error) {
        place.replaceChildren(el("p", "lk-problem", `${error.message}.`));
      }
    },
    el("b", "", each.question),
    el("span", "lk-text", each.memory),
    el("span", "lk-votes", el("span", "", `▸ ${each.said}`),
      ...each.votes.map((vote) => el("span", "", `${vote.annotator}: ${levelText(vote.level)}`))),
  );
  node.setAttribute("aria-expanded", "false");
  return el("li", "", node, place);
};

const list = (title, items, all, nothing) =>
  el(
    "section",
    "",
    el("h2", "", title),
    items.length ? el("ol", "lk-items", ...items.map(line)) : el("p", "lk-none", nothing),
    all > items.length ? el("p", "lk-line", `${all - items.length} more are not listed; labkit annotations log lists all.`) : "",
  );

// --- the page -----------------------------------------------------------------------------------

const drawAll = () => {
  const { found } = state;
  if (!found.items && !found.events) {
    element.replaceChildren(el("p", "lk-empty", "Nobody has judged anything yet. Once two people have labelled the same memories in the Annotate tab, it says here how far they agree."));
    return;
  }
  const at = found.threshold.toFixed(2);
  element.replaceChildren(
    el(
      "div",
      "lk-agreement",
      tiles(found),
      list(`To settle (${found.unsettled_all})`, found.unsettled, found.unsettled_all,
        found.alpha.units ? "Nobody differs: there is nothing to settle." : "No item was read by two annotators yet."),
      el(
        "div",
        "lk-two",
        el("section", "", el("h2", "", "Annotators"),
          kappas("Quadratic weights over the five levels; intervals are over resampled queries.", found.pairs, "No two annotators have labelled the same items."),
          table("What stands of each.", [["annotator", false], ["labels", true], ["can't tell", true], ["skipped", true], ["settled", true]],
            found.annotators.map((each) => [[each.name, false], [String(each.labels), true], [String(each.cannot_tell), true], [String(each.skipped), true], [String(each.adjudicated), true]]))),
        el("section", "", el("h2", "", "People, teachers and student"),
          kappas("All that was judged: sought out where models err, so not how they do at large.", found.models, "No model was asked about what was judged."),
          kappas("The random control alone: how they do on negatives at large.", found.models_at_random, "Nothing of the random control was judged yet."),
          found.calls.length
            ? table(`What people call relevant, and who finds it: a student from ${at} on, teachers from 0.60 on.`,
                [["model", false], ["finds", true], ["of relevant", true], ["rejects", true], ["of not relevant", true]],
                found.calls.map((each) => [[each.model, false], [String(each.found), true], [String(each.relevant), true], [String(each.rejected), true], [String(each.irrelevant), true]]))
            : ""),
      ),
      list(`Judged and not in dispute (${found.settled_all})`, found.settled, found.settled_all, "None yet."),
    ),
  );
};

const load = async () => {
  const generation = (state.generation += 1);
  let found;
  try {
    found = await call("agreement_open", asked());
  } catch (error) {
    found = { error: error.message };
  }
  return generation === state.generation ? found : null;
};

const open = async () => {
  if (!state.found) element.replaceChildren(el("p", "lk-empty", "Counting …"));
  const found = await load();
  if (!found) return;
  if (found.error) {
    element.replaceChildren(el("div", "lk-waiting", el("p", "lk-empty", `${found.error}.`), button("lk-wide", open, "Try again")));
    return;
  }
  state.found = found;
  state.open = null;
  drawAll();
};

// The numbers anew, while the item that is open stays where it is.
const refresh = async () => {
  const found = await load();
  if (!found || found.error) return;
  state.found = found;
  element.querySelector(".lk-tiles")?.replaceWith(tiles(found));
};

const draw = () => {
  if (props.value && isVisible()) open();
};

new IntersectionObserver((entries) => {
  if (element.isConnected && entries.at(-1).isIntersecting && state.open === null) draw();
}).observe(element);
