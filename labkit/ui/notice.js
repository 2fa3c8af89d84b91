const draw = (root, text) => {
  root.setAttribute("role", "status");
  root.replaceChildren(text ? el("p", "lk-notice", el("b", "", "! "), text) : "");
};
