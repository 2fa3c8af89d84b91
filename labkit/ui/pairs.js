// The pairs, what matters most first. A row, or a point of the chart beside it, opens one.
const MARKS = { missed: "▼", extra: "◆", kept: "○", dropped: "·" };
let current = { query: "", memory: "" };
let page = null;

const show = (query, memory) => trigger("opened", { query, memory });

const words = (text) => text.replaceAll("_", " ");
const chip = (text) => (text ? el("span", "lk-chip", words(text)) : "");
const mark = (quadrant, verdict) => {
  const node = el("span", `lk-mark ${quadrant}`, MARKS[quadrant]);
  node.title = verdict;
  return node;
};

const drawRow = (row) => {
  const open = el("button", "lk-opens", row.text);
  open.type = "button";
  const node = el(
    "tr",
    `lk-pair-row ${row.quadrant}`,
    el("td", "c-rank", String(row.place)),
    el("td", "c-matters", row.matters),
    el("td", "c-label", row.label, row.error ? el("span", "lk-error", row.error) : ""),
    el("td", "c-student", row.probability),
    el(
      "td",
      "c-what",
      el("span", "lk-first", mark(row.quadrant, row.verdict), open),
      el("span", "lk-asked-of", `${row.question} `, chip(row.kind), " ", chip(row.negative_kind)),
    ),
  );
  node.dataset.query = row.query;
  node.dataset.memory = row.memory;
  node.addEventListener("click", () => show(row.query, row.memory));
  return node;
};

const header = (className, label, title) => {
  const cell = el("th", className, label);
  cell.scope = "col";
  if (title) cell.title = title;
  return cell;
};

const button = (text, act, disabled = false) => {
  const node = el("button", "lk-act", text);
  node.type = "button";
  node.disabled = disabled;
  node.addEventListener("click", act);
  return node;
};

// Many at once are sent on a second press only, for a sent pair is in everybody's queue.
const sender = (count, most) => {
  const sent = Math.min(count, most);
  const node = button(`Send ${sent < count ? `the first ${sent} of these` : `these ${sent}`} to annotation`, () => {
    if (node.dataset.sure) {
      trigger("sent", {});
      node.disabled = true;
      node.textContent = "Sent";
      return;
    }
    node.dataset.sure = "yes";
    node.textContent = `Sure? Press again to send ${sent}`;
  });
  return node;
};

const counted = () => {
  if (!page || element.offsetParent === null) return;
  window.dispatchEvent(
    new CustomEvent("labkit:counts", { detail: { about: "", tiles: page.tiles } }),
  );
};

const markCurrent = () => {
  for (const row of element.querySelectorAll(".lk-pair-row")) {
    const is = row.dataset.query === current.query && row.dataset.memory === current.memory;
    row.classList.toggle("current", is);
    if (is) row.setAttribute("aria-current", "true");
    else row.removeAttribute("aria-current");
  }
};

const draw = (root, next) => {
  page = next;
  const about = page.about ? el("p", "lk-line", page.about) : "";
  if (page.empty) {
    root.replaceChildren(about, el("p", "lk-empty", page.empty));
    counted();
    return;
  }
  const turn = (by) => button(by < 0 ? "‹ Before" : "After ›", () => trigger("turned", { page: page.page + by }),
    by < 0 ? page.page === 0 : page.page + 1 === page.pages);
  const table = el(
    "table",
    "",
    el("caption", "", page.caption),
    el(
      "thead",
      "",
      el(
        "tr",
        "",
        header("c-rank", "#"),
        header("c-matters", "matters", "regret in log loss, in nats; less where the label is uncertain, twice across the threshold"),
        header("c-label", page.whose, "label, and its standard error"),
        header("c-student", "student", "probability"),
        header("c-what", "memory, and what was asked"),
      ),
    ),
    el("tbody", "", ...page.rows.map(drawRow)),
  );
  const box = el("div", "lk-pairs-box", table);
  box.tabIndex = 0;
  box.setAttribute("role", "region");
  box.setAttribute("aria-label", "pairs by how much they matter");
  // Up and down go from row to row, so that a list can be read without the mouse.
  box.addEventListener("keydown", (event) => {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const buttons = [...box.querySelectorAll(".lk-opens")];
    const place = buttons.indexOf(document.activeElement);
    if (!by || place < 0) return;
    event.preventDefault();
    buttons[Math.min(Math.max(place + by, 0), buttons.length - 1)].focus();
  });
  root.replaceChildren(
    about,
    box,
    el(
      "div",
      "lk-pairs-foot",
      turn(-1),
      el("span", "lk-line", `page ${page.page + 1} of ${page.pages}`),
      turn(1),
      sender(page.shown, page.most),
    ),
  );
  markCurrent();
  counted();
};

window.addEventListener("labkit:count", () => element.isConnected && counted());
window.addEventListener("labkit:pair", ({ detail }) => {
  current = detail;
  markCurrent();
});

// Gradio's plot passes on no clicks, so they are taken from Plotly's own element. It may be made
// anew at any time; before a click the mouse comes over it.
let heard = null;
document.addEventListener("mouseover", ({ target }) => {
  const plot = target.closest?.("#lk-scatter .js-plotly-plot");
  if (!plot?.on || plot.on === heard) return;
  heard = plot.on;
  plot.on("plotly_click", ({ points }) => show(...points[0].customdata));
});
