// One pair: what was asked, what the labels and the student say, and every verdict in both orders.
let first = true;

const cell = (tag, className, ...children) => {
  const node = el(tag, className, ...children);
  if (tag === "th") node.scope = "col";
  return node;
};
const tableOf = (caption, heads, rows) =>
  el(
    "div",
    "lk-scroll",
    el(
      "table",
      "",
      el("caption", "", ...caption),
      el("thead", "", el("tr", "", ...heads.map(([className, text]) => cell("th", className, text)))),
      el("tbody", "", ...rows),
    ),
  );

// The label with its standard error as a bar from 0 to 1; the student's probability as a mark.
const gauge = (row, pair) => {
  const at = (value) => `${(100 * Math.min(Math.max(value, 0), 1)).toFixed(1)}%`;
  const span = el("i", "lk-reach");
  span.style.left = at(row.label - row.error);
  span.style.right = at(1 - row.label - row.error);
  const point = el("i", "lk-at");
  point.style.left = at(row.label);
  const student = el("i", "lk-student-at", "▼");
  student.style.left = at(row.probability);
  const line = el("i", "lk-from");
  line.style.left = at(pair.relevant);
  const node = el("span", "lk-gauge", line, span, point, student);
  node.setAttribute("aria-hidden", "true");
  return node;
};

const button = (text, act) => {
  const node = el("button", "lk-act", text);
  node.type = "button";
  node.addEventListener("click", act);
  return node;
};

const draw = (root, pair) => {
  if (pair.empty) {
    root.replaceChildren(el("p", "lk-line", pair.empty));
    window.dispatchEvent(new CustomEvent("labkit:pair", { detail: { query: "", memory: "" } }));
    return;
  }
  const { query, memory } = pair;
  const send = button("Send to annotation", () => {
    trigger("sent", { query, memory });
    send.disabled = true;
    send.textContent = "Sent";
  });
  const labels = pair.labels.map((row) => {
    const open = el("button", "lk-opens", row.text);
    open.type = "button";
    open.disabled = row.this;
    open.addEventListener("click", () => trigger("opened", { query, memory: row.memory }));
    return el(
      "tr",
      row.this ? "lk-this" : "",
      el("td", "c-label", row.shown),
      el("td", "c-gauge", gauge(row, pair)),
      el("td", "c-student", row.student),
      ...(row.gold ? [el("td", "c-student", row.gold)] : []),
      el("td", "c-what", el("span", "lk-first", row.this ? el("span", "", "▸ ") : "", open)),
    );
  });
  const withGold = pair.labels.some((row) => row.gold);
  const verdicts = pair.verdicts.map((row) =>
    el(
      "tr",
      row.note.startsWith("contradicts") ? "lk-torn" : "",
      el("td", "c-who", row.teacher),
      el("td", "c-order", row.first),
      el("td", "c-order", row.second),
      el("td", "c-note", row.note),
      el("td", "c-label", row.label),
      el("td", "c-what", row.text, row.across ? el("span", "lk-asked-of", `as an answer to: ${row.across}`) : ""),
    ),
  );
  root.replaceChildren(
    el(
      "section",
      "lk-pair-card",
      el("p", "lk-question", el("span", "lk-line", `${pair.query} asks${pair.asked ? `, ${pair.asked}` : ""}: `), pair.question),
      pair.context.length
        ? el("details", "", el("summary", "", "what was said before"), ...pair.context.map((turn) => el("p", "lk-line", turn)))
        : "",
      el("p", "lk-memory", el("span", "lk-line", `${pair.memory}, ${pair.when}${pair.speaker ? `, ${pair.speaker}` : ""}: `), pair.text),
      el("dl", "lk-facts", ...pair.facts.map(([name, value]) => el("div", "", el("dt", "", name), el("dd", "", value)))),
      pair.why ? el("p", "lk-line", `Gold, because: ${pair.why}`) : "",
      el("div", "lk-pairs-foot", button("Open in Inspect", () => trigger("inspected", { query, memory })), send),
    ),
    el(
      "div",
      "lk-pair-tables",
      pair.no_verdicts
        ? el("p", "lk-line", pair.no_verdicts)
        : tableOf(
            [
              el("b", "", "What the teachers said of it beside others. "),
              `From −1 (the other is better) to +1 (this one is), n = ${pair.verdicts.length} comparisons.`,
            ],
            [
              ["c-who", "teacher"],
              ["c-order", "shown first"],
              ["c-order", "shown second"],
              ["c-note", ""],
              ["c-label", "its label"],
              ["c-what", "the other memory"],
            ],
            verdicts,
          ),
      tableOf(
        [
          el("b", "", "Labels of this query. "),
          `● label${pair.no_verdicts.startsWith("Gold") ? "" : " with its standard error"}, ▼ student, line: relevant from ${pair.relevant}. `,
          `n = ${pair.labels.length} memories.`,
        ],
        [
          ["c-label", pair.whose],
          ["c-gauge", "0 to 1"],
          ["c-student", "student"],
          ...(withGold ? [["c-student", "gold"]] : []),
          ["c-what", "memory"],
        ],
        labels,
      ),
    ),
  );
  window.dispatchEvent(new CustomEvent("labkit:pair", { detail: { query, memory } }));
  // Somebody has opened it: let them see that something came. A page that opens stays at its top.
  if (!first) root.scrollIntoView({ block: "nearest", behavior: "smooth" });
  first = false;
};
