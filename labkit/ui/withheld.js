// What context, date and instruction did: a column for each of them withheld.
const moved = ({ change }) =>
  change ? el("span", change > 0 ? "lk-up" : "lk-down", ` ${change > 0 ? "▲" : "▼"}${Math.abs(change)}`) : "";
const sign = (value) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(3)}`;
const withheldCell = (cell, first) =>
  el(
    "td",
    "lk-figure",
    el("b", "", String(cell.rank)),
    first ? "" : moved(cell),
    el("span", "lk-span", `${cell.p.toFixed(3)}${first || Math.abs(cell.p_change) < 5e-4 ? "" : ` ${sign(cell.p_change)}`}`),
  );
const heading = (text) => {
  const cell = el("th", "", text);
  cell.scope = "col";
  return cell;
};

const draw = (root, value) => {
  if (!value.columns) return root.replaceChildren();
  if (value.empty) return root.replaceChildren(el("p", "lk-none", value.empty));
  const precision = value.precision[0] === null
    ? ""
    : el(
        "tr",
        "",
        el("td", "", "average precision"),
        ...value.precision.map((one) => el("td", "lk-figure", one.toFixed(3))),
      );
  root.replaceChildren(
    el(
      "div",
      "lk-table lk-withheld",
      el(
        "table",
        "",
        el(
          "caption",
          "",
          `Rank and probability with parts of the query withheld · the same ${value.n} candidates · model ${value.model}`,
        ),
        el("thead", "", el("tr", "", heading("memory"), ...value.columns.map(heading))),
        el(
          "tbody",
          "",
          precision,
          ...value.rows.map((row) =>
            el(
              "tr",
              row.relevant ? "lk-row relevant" : "lk-row",
              el("td", "", el("span", "lk-text", row.text), row.relevant ? el("b", "lk-gold", " ✓") : ""),
              ...row.cells.map((cell, i) => withheldCell(cell, i === 0)),
            ),
          ),
        ),
      ),
    ),
  );
};
