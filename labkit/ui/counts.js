// What the threshold leaves, as the script that is visible counts it.
window.addEventListener("labkit:counts", ({ detail: { about, tiles } }) => {
  const tile = ({ name, value, note }) =>
    el("div", "", el("dt", "", name), el("dd", "", value), note ? el("dd", "lk-note", note) : "");
  element.replaceChildren(
    about ? el("p", "lk-about", about) : "",
    el("dl", "lk-tiles", ...tiles.map(tile)),
  );
});
const draw = () => window.dispatchEvent(new CustomEvent("labkit:count"));
