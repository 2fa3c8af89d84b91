const percent = (share) => (share === null ? "–" : `${(100 * share).toFixed(1)} %`);
const draw = (root, value) => {
  if (value.message) return root.replaceChildren(el("p", "lk-none", value.message));
  const fact = (name, text) => el("div", "", el("dt", "", name), el("dd", "", text));
  root.replaceChildren(
    el(
      "dl",
      "lk-promise",
      fact("keep from", value.threshold.toFixed(4)),
      fact("promised", `at most ${percent(value.alpha)} of a query's evidence dropped, in expectation over queries like these`),
      fact("found on", `${value.fitted}; ${value.model}; one half of the dialogues of: ${value.where}`),
      fact("came to", `${value.within ? "✓" : "▲ above:"} ${percent(value.dropped)} dropped, on ${value.reported}: the other half`),
      fact("costs", `${value.kept?.toFixed(1) ?? "–"} of ${value.candidates.toFixed(1)} memories are kept for a query; ${percent(value.saved)} of the context tokens saved`),
    ),
    value.doubt ? el("p", "lk-doubt", el("b", "", "! "), value.doubt) : "",
    el("p", "lk-line", "A promise is about the mean over many such draws: on one half it may come out above."),
  );
};
