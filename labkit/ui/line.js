const draw = (root, text) => root.replaceChildren(text ? el("p", "lk-line", text) : "");
