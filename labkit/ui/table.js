// The candidates. Rows come once from the server; what the threshold does to them, and the counts,
// happen here, so that moving it needs no round trip.
const state = {
  table: null, threshold: null, order: "rank", body: null, drawn: [], cut: null,
  looked: { memory: "" }, panel: null, asked: false,
};
const columns = () => (state.table.rival ? 9 : 8);
const number = (value) => (value === null ? "–" : value.toFixed(3));

const change = (row) => {
  if (row.change === 0) return el("span", "lk-same", "=");
  const up = row.change > 0;
  return el("span", up ? "lk-up" : "lk-down", `${up ? "▲" : "▼"}${Math.abs(row.change)}`);
};

const gold = (row) => {
  if (row.label === null || (row.label === 0 && !row.kind)) return "";
  return row.relevant
    ? el("b", "lk-gold", `✓ ${row.label.toFixed(1)}`)
    : el("span", "lk-label", row.label.toFixed(1));
};

const score = (row) => {
  const bar = el("span", "lk-bar", el("i", ""));
  bar.firstChild.style.width = `${(100 * row.p).toFixed(1)}%`;
  const p = el("span", "lk-p", row.probability);
  p.title = `probability ${row.p.toFixed(6)}`;
  return [
    el("span", "lk-prob", p, bar),
    el("span", "lk-sub", el("span", "lk-odds", row.log_odds), el("span", "lk-grade", row.level)),
  ];
};

// Which memory is looked into: its id is a button, and so is, for a mouse, its row.
const toggle = (id) => {
  const memory = state.looked.memory === id ? "" : id;
  look({ memory });
  trigger("pick", { id: memory });
};

const look = (detail, scroll = false) => {
  const same = detail.memory === state.looked.memory;
  state.looked = same ? { ...state.looked, ...detail } : detail;
  state.panel?.remove();
  state.panel = null;
  for (const { row, node, opener } of state.drawn) {
    const open = row.id === detail.memory;
    opener.setAttribute("aria-expanded", String(open));
    node.classList.toggle("looked", open);
    if (!open) continue;
    state.panel = panel(row, state.looked, columns());
    node.after(state.panel);
    if (scroll && !same) node.scrollIntoView({ block: "center" });
  }
};

const other = (row) =>
  el("td", "c-other", el("span", "", String(row.other.rank)), " ", change({ change: row.first - row.other.rank }), el("span", "lk-span", row.other.probability));

const drawRow = (row) => {
  const date = el("span", "lk-date", row.date || "no date");
  if (row.when) date.title = row.when;
  const verdict = el("span", "");
  const opener = button("lk-id", row.id, (event) => {
    event.stopPropagation();
    toggle(row.id);
  }, "look into this memory: why it scored so, what another text would score");
  const node = el(
    "tr",
    row.relevant ? "lk-row relevant" : "lk-row",
    el("td", "c-rank", String(row.rank)),
    el("td", "c-first", String(row.first)),
    el("td", "c-change", change(row)),
    el("td", "c-score", ...score(row)),
    row.other ? other(row) : "",
    el("td", "c-verdict", verdict),
    el("td", "c-gold", gold(row)),
    el("td", "c-who", date, el("span", "lk-who", row.speaker, row.speaker ? " · " : "", opener)),
    el(
      "td",
      "c-text",
      el("span", "lk-text", row.text),
      " ",
      row.kind ? el("span", "lk-kind", row.kind.replaceAll("_", " ")) : "",
      " ",
      row.truncated ? el("span", "lk-kind", "read in part: too long for the model") : "",
      row.before ? el("span", "lk-span", `after ${row.before}`) : "",
    ),
  );
  node.dataset.id = row.id;
  node.addEventListener("click", () => {
    if (String(window.getSelection())) return; // somebody marks text
    toggle(row.id);
  });
  return { row, node, verdict, opener };
};

const sortButton = (key, label, title) => {
  const button = el("button", "lk-sort", label);
  button.type = "button";
  button.title = title;
  button.addEventListener("click", () => {
    state.order = key;
    arrange();
    apply();
  });
  const cell = el("th", `c-${key}`, button);
  cell.scope = "col";
  cell.dataset.key = key;
  return cell;
};

const head = (className, label, title) => {
  const cell = el("th", className, label);
  cell.scope = "col";
  if (title) cell.title = title;
  return cell;
};

const arrange = () => {
  state.drawn.sort((a, b) => a.row[state.order] - b.row[state.order]);
  state.body.append(...state.drawn.map((item) => item.node));
  if (state.panel) look({ memory: state.looked.memory });
  for (const cell of element.querySelectorAll("th[data-key]")) {
    cell.setAttribute("aria-sort", cell.dataset.key === state.order ? "ascending" : "none");
  }
};

// One pass over the rows: what is kept, what that leaves of the relevant ones, what it saves.
const count = () => {
  const tally = { n: 0, kept: 0, hits: 0, words: 0, keptWords: 0 };
  for (const { row } of state.drawn) {
    const kept = row.p >= state.threshold;
    tally.n += 1;
    tally.words += row.words;
    if (kept) {
      tally.kept += 1;
      tally.keptWords += row.words;
      if (row.relevant) tally.hits += 1;
    }
  }
  return tally;
};

const tiles = (tally) => {
  const { gold: known, relevant, lost } = state.table;
  const tile = (name, value, note = "") => ({ name, value, note });
  const saved = tally.words ? Math.round(100 * (1 - tally.keptWords / tally.words)) : 0;
  const shown = [tile("kept", `${tally.kept} of ${tally.n}`)];
  if (known === "given") {
    shown.push(
      tile("relevant kept", `${tally.hits} of ${relevant}`, lost ? `${lost} lost before` : ""),
      tile("precision", number(tally.kept ? tally.hits / tally.kept : null)),
      tile("recall", number(relevant ? tally.hits / relevant : null)),
    );
  } else if (known === "abstain") {
    shown.push(tile("right answer", "keep none", tally.kept ? `${tally.kept} too many` : "✓ nothing kept"));
  } else {
    shown.push(tile("relevant kept", "no gold", "precision, recall unknown"));
  }
  shown.push(tile("words kept", `${tally.keptWords} of ${tally.words}`, `${saved}% saved`));
  return shown;
};

const tell = (tiles) => {
  if (!element.checkVisibility()) return;
  const about = tiles.length ? "of this query" : "";
  window.dispatchEvent(new CustomEvent("labkit:counts", { detail: { about, tiles } }));
};

const apply = () => {
  if (!state.body || state.threshold === null) return tell([]);
  let firstDropped = null;
  for (const item of state.drawn) {
    const kept = item.row.p >= state.threshold;
    item.node.classList.toggle("dropped", !kept);
    item.verdict.className = kept ? "lk-kept" : "lk-dropped";
    item.verdict.textContent = kept ? "kept" : "dropped";
    if (!kept && !firstDropped) firstDropped = item.node;
  }
  const tally = count();
  state.cut.hidden = state.order !== "rank" || !state.drawn.length;
  state.cut.firstChild.firstChild.textContent =
    tally.kept === tally.n
      ? `threshold ${number(state.threshold)} · nothing is dropped`
      : `threshold ${number(state.threshold)} · ${tally.n - tally.kept} below are dropped`;
  state.body.insertBefore(state.cut, firstDropped);
  tell(tiles(tally));
};

const draw = (root, table) => {
  state.table = table;
  if (table.empty) {
    state.body = null;
    state.drawn = [];
    root.replaceChildren(el("p", "lk-empty", table.empty));
    apply();
    return;
  }
  state.body = el("tbody", "");
  state.drawn = table.rows.map(drawRow);
  state.cut = el("tr", "lk-cut", el("td", "", el("span", "")));
  state.cut.firstChild.colSpan = columns();
  root.replaceChildren(
    el(
      "div",
      "lk-table",
      el(
        "table",
        "",
        el(
          "caption",
          "",
          el("q", "", table.question),
          el("span", "", table.caption),
          table.abstention
            ? el("p", table.abstention.abstains ? "lk-abstention abstains" : "lk-abstention", table.abstention.text)
            : "",
        ),
        el(
          "thead",
          "",
          el(
            "tr",
            "",
            sortButton("rank", "#", "rank after reranking: sort by it"),
            sortButton("first", "1st", "rank in the first stage: sort by it"),
            head("c-change", "±", "places gained or lost by reranking"),
            head("c-score", "probability · log-odds, level"),
            table.rival ? head("c-other", table.rival, `rank, places moved and probability by ${table.rival}`) : "",
            head("c-verdict", "verdict"),
            head("c-gold", "gold", "label given by hand; ✓ is relevant, 0.6 or more"),
            head("c-who", "when, who, id"),
            head("c-text", "memory"),
          ),
        ),
        state.body,
      ),
    ),
  );
  // What was said of a memory was said of another ranking.
  state.looked = { memory: state.looked.memory };
  state.panel = null;
  arrange();
  apply();
  look(state.looked);
  if (state.asked) return;
  state.asked = true;
  withCut(cutAt);
  window.dispatchEvent(new CustomEvent("labkit:which"));
};

const cutAt = (threshold) => {
  state.threshold = threshold;
  apply();
};
// The slider's own event, without a server: see shared.py.
window.addEventListener("labkit:threshold", ({ detail }) => {
  if (element.isConnected && typeof detail === "number") cutAt(detail);
});

// Whichever of the two is mounted first: the counts ask, the table tells.
window.addEventListener("labkit:count", () => element.isConnected && apply());
// What the server says of one memory; at the first drawing of either, the table asks.
window.addEventListener("labkit:detail", ({ detail }) => {
  if (element.isConnected && state.table && detail) look(detail, true);
});
