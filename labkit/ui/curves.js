// Precision, recall and F1 by threshold, and the pairs by probability and label, a column a model.
const LINES = [
  ["precision", "precision"],
  ["recall", "recall"],
  ["f1", "F1"],
];
const movers = [];
const move = (threshold) => movers.forEach((mover) => mover(threshold));

const curves = ({ model, curve, marks, best }) => {
  const chart = plot(210, {
    label: `Precision, recall and F1 of ${model} by threshold`,
    xTitle: "threshold on the probability",
    yTitle: "",
    yTicks: [0, 0.25, 0.5, 0.75, 1],
  });
  for (const [key] of LINES) {
    const points = curve.t.map((t, i) => [t, curve[key][i]]);
    chart.node.append(shape("path", { class: `line ${key}`, d: path(points, chart.px, chart.py) }));
  }
  marks.forEach(({ name, t }, i) => {
    const y = chart.top + 8 + 11 * i;
    const right = t > 0.7;
    chart.node.append(
      shape("line", { class: "mark", x1: chart.px(t), x2: chart.px(t), y1: chart.top, y2: chart.floor }),
      shape(
        "text",
        { class: "mark-name", x: chart.px(t) + (right ? -4 : 4), y, "text-anchor": right ? "end" : "start" },
        name,
      ),
    );
  });
  if (best !== null) {
    const nearest = curve.t.reduce((a, t, i) => (Math.abs(t - best) < Math.abs(curve.t[a] - best) ? i : a), 0);
    chart.node.append(
      shape("text", { class: "best", x: chart.px(best), y: chart.py(curve.f1[nearest] ?? 0) + 5, "text-anchor": "middle" }, "★"),
    );
  }
  movers.push(cutLine(chart));
  return chart.node;
};

const bars = ({ model, histogram }) => {
  const most = Math.max(1, ...histogram.relevant, ...histogram.other);
  const decades = Math.max(1, Math.ceil(Math.log10(most + 1)));
  const chart = plot(150, {
    label: `Pairs of ${model} by probability, relevant and not, counts on a log scale`,
    xTitle: "probability",
    yTitle: "",
    yTicks: Array.from({ length: decades + 1 }, (_, i) => (i ? 10 ** i : 0)),
    y: (count) => Math.log10(count + 1) / Math.log10(10 ** decades + 1),
  });
  const { edges } = histogram;
  for (const [key, side] of [["other", 0], ["relevant", 1]]) {
    histogram[key].forEach((count, i) => {
      if (!count) return;
      const wide = (chart.px(edges[i + 1]) - chart.px(edges[i]) - 1) / 2;
      chart.node.append(
        shape(
          "rect",
          { class: `bar ${key}`, x: chart.px(edges[i]) + side * wide, width: wide, y: chart.py(count), height: chart.floor - chart.py(count) },
          shape("title", {}, `${count} ${key === "relevant" ? "relevant" : "not relevant"}, ${edges[i]} to ${edges[i + 1]}`),
        ),
      );
    });
  }
  movers.push(cutLine(chart));
  return chart.node;
};

const key = (className, text) =>
  el("span", "lk-key", shape("svg", { viewBox: "0 0 26 10", class: "lk-chart", "aria-hidden": "true" }, sample(className)), text);
const sample = (className) =>
  className.startsWith("bar")
    ? shape("rect", { class: className, x: 8, y: 0, width: 10, height: 10 })
    : shape("path", { class: className, d: "M1,5L25,5" });

const draw = (root, { models, empty }) => {
  movers.length = 0;
  if (empty) return root.replaceChildren(el("p", "lk-empty", empty));
  root.replaceChildren(
    el(
      "div",
      "lk-keys",
      ...LINES.map(([name, text]) => key(`line ${name}`, text)),
      key("bar relevant", "relevant pairs"),
      key("bar other", "other pairs (log scale)"),
      key("cut", "threshold"),
    ),
    el(
      "div",
      "lk-columns",
      ...models.map((one) =>
        el("figure", "", el("h2", "", one.model), curves(one), bars(one), el("figcaption", "lk-line", one.caption)),
      ),
    ),
  );
  withCut(move);
};
window.addEventListener("labkit:threshold", ({ detail }) => typeof detail === "number" && move(detail));
