// Tables as they come: a title, what they are of, a head, rows. A wide one scrolls by itself.
// An interval stays in one piece.
const whole = (text) => text.replace(/\[[^\]]*\]/g, (part) => part.replaceAll(" ", "\u00a0"));

const tableOf = ({ title, note, head, rows, numbers, folded }) => {
  const box = el(
    "div",
    "lk-scroll",
    el(
      "table",
      "",
      el("caption", "", folded ? "" : el("b", "", title), note ? el("span", "lk-caption", note) : ""),
      el("thead", "", el("tr", "", ...head.map((text, i) => {
        const cell = el("th", i >= numbers ? "c-number" : "", text);
        cell.scope = "col";
        return cell;
      }))),
      el("tbody", "", ...rows.map((row) =>
        el("tr", "", ...row.map((text, i) => el("td", i >= numbers ? "c-number" : "", whole(text)))))),
    ),
  );
  box.tabIndex = 0;
  box.setAttribute("role", "region");
  box.setAttribute("aria-label", title);
  return folded ? el("details", "", el("summary", "", title), box) : box;
};
const draw = (root, tables) => root.replaceChildren(...tables.map(tableOf));
