const draw = (root, asked) => {
  const turns = asked.turns.map((turn) =>
    el(
      "li",
      turn.mine ? "mine" : "theirs",
      el("span", "lk-speaker", turn.speaker),
      el("span", "lk-said", turn.text),
    ),
  );
  const facts = [
    ["kind", asked.kind],
    ["asked on", asked.date],
    ["instruction", asked.instruction],
  ].filter(([, value]) => value);
  root.replaceChildren(
    turns.length
      ? el("ol", "lk-chat", ...turns)
      : el("p", "lk-none", "No dialogue context: the question stands alone."),
    facts.length
      ? el("dl", "lk-facts", ...facts.map(([k, v]) => el("div", "", el("dt", "", k), el("dd", "", v))))
      : "",
    asked.why ? el("p", "lk-why", el("b", "", "Gold: "), asked.why) : "",
    asked.expected ? el("p", `lk-expected lk-${asked.gold}`, asked.expected) : "",
    asked.changed ? el("p", "lk-expected", asked.changed) : "",
  );
};
