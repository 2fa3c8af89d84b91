// The row that is looked into: why it scored so, and what another text would score.
const signed = (value) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(2)}`;

const button = (className, text, onClick, title = "") => {
  const node = el("button", className, text);
  node.type = "button";
  if (title) node.title = title;
  node.addEventListener("click", onClick);
  return node;
};

// A line under each piece: solid where it raises the score, dotted where it lowers it.
const whyParts = (why) => {
  const most = Math.max(...why.pieces.map((piece) => Math.abs(piece.effect)), 1e-9);
  const shown = why.pieces.map((piece) => {
    const share = Math.abs(piece.effect) / most;
    const node = el("span", share < 0.08 ? "" : piece.effect > 0 ? "lk-raises" : "lk-lowers", piece.text);
    node.style.setProperty("--share", share.toFixed(2));
    node.title = `${signed(piece.effect)} log-odds`;
    return node;
  });
  const best = [...why.pieces].sort((a, b) => Math.abs(b.effect) - Math.abs(a.effect)).slice(0, 5);
  const effect = (name, value) => el("li", value > 0 ? "lk-plus" : "lk-minus", el("b", "", signed(value)), " ", name);
  return el(
    "div",
    "lk-why-parts",
    el("p", "", ...shown),
    el("ul", "", ...best.map((piece) => effect(piece.text.trim(), piece.effect)), ...why.beside.map((part) => effect(part.text, part.effect))),
    el("p", "lk-line", why.caption),
  );
};

const editParts = (edit) => {
  const stands = ({ rank, p, log_odds: z }) => `rank ${rank}, probability ${p.toFixed(3)}, log-odds ${signed(z)}`;
  return el(
    "p",
    "lk-edited",
    el("span", "", `As it is: ${stands(edit.before)}. `),
    el("b", "", `With your text: ${stands(edit.after)}.`),
  );
};

const panel = (row, detail, columns) => {
  const text = el("textarea", "", detail.draft ?? row.text);
  text.rows = 3;
  text.setAttribute("aria-label", `text of memory ${row.id}, to try another`);
  text.addEventListener("input", () => {
    detail.draft = text.value;
  });
  const ask = (unit) => () => trigger("why", { id: row.id, unit });
  const cell = el(
    "td",
    "",
    el(
      "div",
      "lk-looked",
      el(
        "div",
        "",
        el("span", "lk-ask", "Why this score? Take away, one at a time, its "),
        button("lk-do", "words", ask("word")),
        button("lk-do", "sentences", ask("sentence")),
        detail.why ? whyParts(detail.why) : "",
      ),
      el(
        "div",
        "",
        el("span", "lk-ask", "What if it said something else? Your data stays as it is."),
        text,
        button("lk-do", "Rescore this text", () => trigger("edit", { id: row.id, text: text.value })),
        detail.edit ? editParts(detail.edit) : "",
      ),
    ),
  );
  cell.colSpan = columns;
  const node = el("tr", "lk-panel", cell);
  return node;
};
