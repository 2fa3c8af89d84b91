// How far a long piece of work is, or what to do to begin it.
const draw = (root, { message, done, total }) => {
  root.setAttribute("role", "status");
  const bar = document.createElement("progress");
  bar.max = total ?? 1;
  bar.value = done ?? 0;
  bar.setAttribute("aria-label", "scored");
  root.replaceChildren(message ? el("p", "lk-progress", total ? bar : "", message) : "");
};
