// Small charts of our own: they follow the style sheet, light or dark, and the slider at once.
const shape = (tag, attributes, ...children) => {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children.filter((child) => child !== null && child !== ""));
  return node;
};

// A plot from 0 to 1 each way inside a box of 420 x height, with its axes and names.
const PLOT = { width: 420, left: 44, right: 12, top: 12, bottom: 34 };
const plot = (height, { label, xTitle, yTitle, yTicks, y = (v) => v }) => {
  const { width, left, right, top, bottom } = PLOT;
  const px = (v) => left + v * (width - left - right);
  const py = (v) => height - bottom - y(v) * (height - top - bottom);
  const node = shape("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", class: "lk-chart" });
  node.append(shape("title", {}, label));
  for (const v of yTicks) {
    node.append(
      shape("line", { class: "grid", x1: px(0), x2: px(1), y1: py(v), y2: py(v) }),
      shape("text", { class: "tick", x: px(0) - 6, y: py(v) + 4, "text-anchor": "end" }, String(v)),
    );
  }
  for (const v of [0, 0.2, 0.4, 0.6, 0.8, 1]) {
    node.append(
      shape("text", { class: "tick", x: px(v), y: height - bottom + 15, "text-anchor": "middle" }, String(v)),
    );
  }
  node.append(
    shape("line", { class: "axis", x1: px(0), x2: px(1), y1: height - bottom, y2: height - bottom }),
    shape("text", { class: "tick", x: px(0.5), y: height - 4, "text-anchor": "middle" }, xTitle),
    shape("text", { class: "tick", x: 0, y: 10 }, yTitle),
  );
  return { node, px, py, top, floor: height - bottom };
};
const path = (points, px, py) =>
  points
    .reduce(
      ([d, pen], [x, v]) => (v === null ? [d, "M"] : [`${d}${pen}${px(x).toFixed(1)},${py(v).toFixed(1)}`, "L"]),
      ["", "M"],
    )[0];

// The line of the threshold; the slider moves it without a server.
const cutLine = ({ node, px, top, floor }) => {
  const line = shape("line", { class: "cut", y1: top, y2: floor });
  node.append(line);
  return (threshold) => {
    line.setAttribute("x1", px(threshold));
    line.setAttribute("x2", px(threshold));
  };
};
