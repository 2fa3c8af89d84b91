// A list of folders with a box to tick before each; what is ticked is shown below.
// Ticks are numbered and the answer says which one it answers: who ticks on meanwhile keeps what
// they ticked.
let asked = 0;
let answered = 0;
let wanted = [];
const draw = (root, list) => {
  answered = list.answers ?? answered;
  const ticked = answered < asked ? wanted : (list.ticked ?? []);
  if (!list.heads || list.empty) {
    root.replaceChildren(list.empty ? el("p", "lk-empty", list.empty) : "");
    return;
  }
  // The list is drawn anew when the answer comes: who ticks with the keyboard stays where they were.
  const focused = root.contains(document.activeElement) ? document.activeElement.value : null;
  const boxes = [];
  const rowOf = (row) => {
    const box = document.createElement("input");
    box.type = "checkbox";
    box.value = row.name;
    box.checked = ticked.includes(row.name);
    box.addEventListener("change", () => {
      wanted = boxes.filter((each) => each.checked).map((each) => each.value);
      asked += 1;
      trigger("ticked", { names: wanted, asked });
    });
    boxes.push(box);
    return el(
      "tr",
      `lk-${row.state.replaceAll(" ", "-")}`,
      el("td", "c-name", el("label", "", box, " ", row.name)),
      el("td", "c-status", row.status),
      ...list.heads.map(([key]) => el("td", `c-${key}`, row[key])),
      el("td", "c-note", row.problems.length ? `! ${row.problems.join("; ")}` : ""),
    );
  };
  const heads = ["folder", "how it ended", ...list.heads.map(([, name]) => name), ""];
  root.replaceChildren(
    el(
      "div",
      "lk-scroll",
      el(
        "table",
        "",
        el("caption", "", list.caption),
        el("thead", "", el("tr", "", ...heads.map((name) => {
          const cell = el("th", "", name);
          cell.scope = "col";
          return cell;
        }))),
        el("tbody", "", ...list.rows.map(rowOf)),
      ),
    ),
  );
  boxes.find((box) => box.value === focused)?.focus();
};
