// Draws nothing itself: what the server says of one memory is shown in that memory's row.
const draw = (root, value) => window.dispatchEvent(new CustomEvent("labkit:detail", { detail: value }));
window.addEventListener("labkit:which", () => element.isConnected && draw(element, props.value));
