// What the threshold does over the split, counted by the server: the page asks when it moves.
let shown = null;
let timer = null;
const fixed = (value, places = 3) => (value === null ? "–" : value.toFixed(places));
const span = ([low, high]) => (low === null ? "" : `${fixed(low)} to ${fixed(high)}`);
const count = (value) => value.toLocaleString("en");

const cell = (className, main, sub = "") => el("td", className, main, sub ? el("span", "lk-span", sub) : "");
const head = (label, title) => {
  const node = el("th", "", label);
  node.scope = "col";
  if (title) node.title = title;
  return node;
};

const row = (one) => {
  const who = el("th", "lk-model", one.model, el("span", "lk-span", one.kind));
  who.scope = "row";
  const saved = one.all_tokens ? Math.round(100 * (1 - one.tokens / one.all_tokens)) : 0;
  return el(
    "tr",
    one.kind === "calibrated" ? "" : "lk-bare",
    who,
    cell("", `${count(one.true)} + ${count(one.false)}`, `of ${count(one.pairs)} pairs`),
    cell("", count(one.missed), one.lost ? `and ${one.lost} lost before` : ""),
    cell("", fixed(one.precision), span(one.precision_span)),
    cell("", fixed(one.recall), span(one.recall_span)),
    cell("", fixed(one.f1), span(one.f1_span)),
    cell("", fixed(one.dropped)),
    cell("", `${one.empty} of ${one.queries}`),
    cell("", count(one.tokens), `${saved}% saved`),
    cell("", fixed(one.ece)),
    cell("", fixed(one.brier)),
  );
};

const tell = () => {
  if (!shown || !element.checkVisibility()) return;
  const [first] = shown.rows ?? [];
  const tile = (name, value, note = "") => ({ name, value, note });
  const tiles = first
    ? [
        tile("kept", `${count(first.true + first.false)} of ${count(first.pairs)}`),
        tile("precision", fixed(first.precision), span(first.precision_span)),
        tile("recall", fixed(first.recall), span(first.recall_span)),
        tile("F1", fixed(first.f1)),
        tile("left empty", `${first.empty} of ${first.queries}`),
      ]
    : [];
  const about = first ? `${first.model}, over ${first.queries} queries` : "";
  window.dispatchEvent(new CustomEvent("labkit:counts", { detail: { about, tiles } }));
};

// The server counts for one threshold at a time; what it has not counted yet stands in grey.
const ask = () => {
  const wanted = window.labkit?.threshold;
  if (!shown?.rows || !element.checkVisibility()) return;
  const stale = typeof wanted === "number" && wanted !== shown.threshold;
  element.firstChild?.classList.toggle("lk-stale", stale);
  clearTimeout(timer);
  if (stale) timer = setTimeout(() => trigger("moved", { threshold: wanted }), 60);
};

const draw = (root, value) => {
  shown = value;
  if (!value.rows) {
    root.replaceChildren();
    return tell();
  }
  // Wider than a narrow window: it scrolls, by keyboard too.
  const scrolled = el("div", "lk-table lk-numbers");
  scrolled.tabIndex = 0;
  scrolled.setAttribute("role", "region");
  scrolled.setAttribute("aria-label", "what the threshold does over the split");
  scrolled.append(
    el(
      "table",
      "",
      el("caption", "", `At threshold ${fixed(value.threshold)}. ${value.caption}`),
      el(
        "thead",
        "",
        el(
          "tr",
          "",
          head("model"),
          head("kept: right + wrong", "memories kept that are relevant, and that are not"),
          head("missed", "relevant candidates that are dropped"),
          head("precision"),
          head("recall", "of the evidence among the candidates"),
          head("F1"),
          head("dropped", "mean share of a query's evidence below the threshold"),
          head("left empty", "queries that keep nothing"),
          head("context tokens", "of the kept memories, by MiniLM's vocabulary"),
          head("ECE", "expected calibration error, 15 bins of equal width; no matter of the threshold"),
          head("Brier", "mean squared error of the probabilities"),
        ),
      ),
      el("tbody", "", ...value.rows.map(row)),
    ),
  );
  root.replaceChildren(scrolled, el("p", "lk-line", value.note));
  tell();
  ask();
};
window.addEventListener("labkit:threshold", () => element.isConnected && ask());
window.addEventListener("labkit:count", () => {
  if (!element.isConnected) return;
  tell();
  ask();
});
