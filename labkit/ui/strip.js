// One query's memories on the line from 0 to 1; what the threshold keeps, and what it drops.
const strip = { move: null, value: null, lists: null };
const LISTED = 6;

const item = (row) => {
  const button = el("button", "lk-open", row.probability);
  button.type = "button";
  button.title = "open it in Inspect";
  button.addEventListener("click", () => trigger("open", { memory: row.id }));
  return el(
    "li",
    row.relevant ? "relevant" : "",
    button,
    el("span", "lk-text", row.text),
    row.relevant ? el("b", "lk-gold", " ✓") : "",
    row.kind ? el("span", "lk-kind", row.kind.replaceAll("_", " ")) : "",
  );
};

// Of what is kept the best, of what is dropped the nearest to it; relevant ones always.
const listed = (rows) => {
  const taken = rows.filter((row, i) => i < LISTED || row.relevant);
  const rest = rows.length - taken.length;
  return [...taken.map(item), rest ? el("li", "lk-line", `and ${rest} more`) : ""];
};

const split = (threshold) => {
  if (!strip.move) return;
  strip.move(threshold);
  const kept = strip.value.rows.filter((row) => row.p >= threshold);
  const dropped = strip.value.rows.filter((row) => row.p < threshold);
  const list = (name, rows, none) =>
    el("div", "", el("h4", "", `${name}: ${rows.length}`), rows.length ? el("ul", "lk-list", ...listed(rows)) : el("p", "lk-none", none));
  strip.lists.replaceChildren(
    list("kept", kept, "Nothing is kept: the assistant would be told that no memory answers."),
    list("dropped", dropped, "Nothing is dropped."),
  );
};

const draw = (root, value) => {
  strip.value = value;
  strip.move = null;
  if (value.empty || !value.rows.length) return root.replaceChildren(el("p", "lk-none", value.empty || ""));
  const chart = plot(84, {
    label: `Probabilities of ${value.rows.length} memories of this query`,
    xTitle: "probability",
    yTitle: "",
    yTicks: [],
  });
  value.rows.forEach((row, i) => {
    const x = chart.px(row.p);
    const y = chart.floor - 8 - 9 * (i % 3);
    const mark = row.relevant
      ? shape("path", { class: "dot relevant", d: `M${x},${y - 6}L${x + 6},${y}L${x},${y + 6}L${x - 6},${y}Z` })
      : shape("circle", { class: "dot", cx: x, cy: y, r: 3.5 });
    mark.append(shape("title", {}, `${row.probability} ${row.text}`));
    chart.node.append(mark);
  });
  strip.move = cutLine(chart);
  strip.lists = el("div", "lk-columns");
  root.replaceChildren(
    el("h3", "", "This query: ", el("q", "", value.question)),
    chart.node,
    el("p", "lk-line", value.caption),
    strip.lists,
  );
  withCut(split);
};
window.addEventListener("labkit:threshold", ({ detail }) => {
  if (element.isConnected && typeof detail === "number") split(detail);
});
