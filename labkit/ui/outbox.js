// What was decided and is not stored yet. Each thing is written into this browser before anything
// else happens, leaves in the order in which it was decided (what the lab cannot take at present, for
// its data are not loaded, lets the rest pass), and stays until the server says that it is stored, or
// that it never can be. Sent twice (after an answer that did not arrive) it counts
// once, for its id was made here.
const PREFIX = "labkit:outbox:";
const AT_ONCE = 100;
const LONGEST_WAIT = 8_000;

const newOutbox = ({ onSaved, onRefused, onChange }) => {
  let whose = "";
  let entries = [];
  let last = 0;
  let busy = false;
  let failures = 0;
  let timer = null;
  const stuck = new Set(); // what was asked with, where the lab took nothing of it
  const box = { failed: "", saved: 0 };

  const write = (entry) => {
    // Later than all before it, also within one millisecond.
    last = Math.max(Date.now(), last + 1);
    entry.key = `${whose}${String(last).padStart(15, "0")}:${entry.event.id}`;
    remember(entry.key, JSON.stringify(entry));
  };

  const drop = (id) => {
    const entry = entries.find((each) => each.event.id === id);
    if (!entry) return null;
    entries = entries.filter((each) => each !== entry);
    remember(entry.key, null);
    return entry;
  };

  const flush = async () => {
    if (busy || !entries.length) return;
    clearTimeout(timer);
    busy = true;
    onChange();
    const free = (entry) => !stuck.has(JSON.stringify(entry.asked));
    // What is undone has to be there first.
    const held = (entry) => entry.event.kind === "undo" && entries.some((other) => other.event.id === entry.event.undo_of && !free(other));
    const ready = entries.filter((entry) => free(entry) && !held(entry));
    if (!ready.length) stuck.clear();
    const queue = ready.length ? ready : entries;
    const { asked } = queue[0];
    const same = JSON.stringify(asked);
    const until = queue.findIndex((entry) => JSON.stringify(entry.asked) !== same);
    const batch = queue.slice(0, Math.min(until < 0 ? queue.length : until, AT_ONCE));
    const owner = whose;
    let letPass = false;
    try {
      const answer = await call("annotate_save", { ...asked, events: batch.map((entry) => entry.event) });
      if (owner === whose) {
        for (const { id, sealed } of answer.saved ?? []) {
          const entry = drop(id);
          if (entry) box.saved += 1;
          if (entry) onSaved(entry.event, sealed);
        }
        for (const { id, error } of answer.refused ?? []) {
          const entry = drop(id);
          if (entry) onRefused(entry.event, error);
        }
      }
      box.failed = answer.error;
      if (answer.error && !answer.saved?.length && !answer.refused?.length) {
        stuck.add(same);
        letPass = entries.some((entry) => !stuck.has(JSON.stringify(entry.asked)));
      }
    } catch (error) {
      box.failed = error.message;
    }
    busy = false;
    failures = box.failed ? failures + 1 : 0;
    if (entries.length) timer = setTimeout(flush, box.failed && !letPass ? Math.min(500 * 2 ** failures, LONGEST_WAIT) : 0);
    onChange();
  };

  // Take up what this browser still holds of an annotator's for a store.
  const open = (store, annotator) => {
    const wanted = `${PREFIX}${store}:${annotator}:`;
    if (wanted === whose) return;
    whose = wanted;
    entries = [];
    box.failed = "";
    try {
      const keys = Object.keys(window.localStorage).filter((key) => key.startsWith(whose)).sort();
      entries = keys.map((key) => ({ ...JSON.parse(window.localStorage.getItem(key)), key }));
    } catch {
      // No storage: nothing is left from before.
    }
    flush();
  };

  const add = (asked, event) => {
    const entry = { asked, event };
    write(entry);
    entries.push(entry);
    flush();
  };

  window.addEventListener("online", flush);
  // Whoever closes the page is told; what waits is in this browser and is sent at the next opening.
  window.addEventListener("beforeunload", (event) => {
    if (entries.length && element.isConnected) event.preventDefault();
  });
  return Object.assign(box, {
    open,
    add,
    flush,
    waiting: () => entries.length,
    events: () => entries.map((entry) => entry.event),
  });
};
