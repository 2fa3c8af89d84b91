// Ask the server by one of the lab's own events, without Gradio's queue: the answer is JSON, and a
// server that is gone is an error at once, not a page that waits.
const call = async (name, asked) => {
  const { root = "", api_prefix: prefix = "/gradio_api" } = window.gradio_config ?? {};
  let response;
  try {
    response = await fetch(`${root}${prefix}/run/${name}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      credentials: "same-origin",
      body: JSON.stringify({ data: [asked] }),
      signal: AbortSignal.timeout(30_000),
    });
  } catch (error) {
    throw new Error(error.name === "TimeoutError" ? "the lab does not answer" : "the lab cannot be reached");
  }
  if (response.status === 401) throw new Error("you are logged out: reload the page and log in again");
  if (!response.ok) throw new Error(`the lab failed (${response.status})`);
  return (await response.json()).data[0];
};

// Kept in this browser; where it keeps nothing (a private window), for as long as the page is open.
const remembered = (key) => {
  try {
    return window.localStorage.getItem(key);
  } catch {
    return null;
  }
};
const remember = (key, text) => {
  try {
    if (text === null) window.localStorage.removeItem(key);
    else window.localStorage.setItem(key, text);
  } catch {
    // What the page holds in memory is then all there is.
  }
};

// crypto.randomUUID is only there on https and on localhost.
const newId = () =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");

// Whether what is typed now belongs to a field.
const isTyping = (target) => {
  const field = target.closest?.("input, textarea, select, [contenteditable=''], [contenteditable='true'], dialog");
  return Boolean(field) && !["radio", "checkbox", "button", "submit", "range"].includes(field.type);
};
