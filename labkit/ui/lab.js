() => {
  // On a narrow window the sidebar would cover half the page; its button stays.
  if (window.innerWidth < 1100) document.querySelector(".sidebar.open .toggle-button")?.click();

  const openTab = () => {
    const open = document.querySelector('#lk-tabs [role="tab"][aria-selected="true"]');
    return open ? open.textContent.trim().toLowerCase() : "";
  };
  // The address of what is shown; a null takes a parameter out. Names and numbers only.
  const write = (place) => {
    const url = new URL(window.location.href);
    for (const [key, value] of Object.entries(place)) {
      if (value === null) url.searchParams.delete(key);
      else url.searchParams.set(key, value);
    }
    window.history.replaceState(window.history.state, "", url);
  };
  const cut = (threshold, point) => {
    if (!window.labkitLinkIsRead || typeof threshold !== "number") return;
    const named = point !== "custom";
    write({
      point: named && point !== "balanced" ? point : null,
      threshold: named ? null : String(Math.round(threshold * 1e4) / 1e4),
    });
  };
  window.addEventListener("labkit:threshold", ({ detail }) => {
    if (typeof detail === "number") window.labkit.threshold = detail;
  });
  window.labkit = { openTab, write, cut };

  // Which tab is open: for the style sheet, for the address, and for whoever counts.
  const opened = () => {
    const tab = openTab();
    if (!tab || document.body.dataset.tab === tab) return;
    document.body.dataset.tab = tab;
    if (window.labkitLinkIsRead) write({ tab: tab === "inspect" ? null : tab });
    window.dispatchEvent(new CustomEvent("labkit:count"));
  };
  new MutationObserver(opened).observe(document.body, {
    subtree: true,
    childList: true,
    attributeFilter: ["aria-selected"],
  });
  opened();
}
