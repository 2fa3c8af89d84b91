// What the threshold leaves, as table.js counts it.
window.addEventListener("labkit:counts", ({ detail }) => {
  const tile = ({ name, value, note }) =>
    el("div", "", el("dt", "", name), el("dd", "", value), note ? el("dd", "lk-note", note) : "");
  element.replaceChildren(el("dl", "lk-tiles", ...detail.map(tile)));
});
const draw = () => window.dispatchEvent(new CustomEvent("labkit:count"));
