// An element with a class and children. A child that is a string becomes a text node: this is the
// only way in which text of a memory, a speaker or a file name enters the page.
const el = (tag, className, ...children) => {
  const node = document.createElement(tag);
  if (className) node.className = className;
  node.append(...children.filter((child) => child !== null && child !== ""));
  return node;
};
