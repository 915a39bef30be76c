// Runs in the measured page before its own scripts: notes long tasks, when the page became usable, and when the thread
// last changed. It only writes down times, so that it costs nothing that it measures.
window.noted = { longTasks: [], usable: null, changed: null };
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) noted.longTasks.push(entry.duration);
}).observe({ type: "longtask", buffered: true });
const usable = new MutationObserver(() => {
  if (!("enhanced" in document.documentElement.dataset)) return;
  noted.usable = performance.now();
  usable.disconnect();
});
usable.observe(document, { attributes: true, subtree: true, attributeFilter: ["data-enhanced"] });
window.noteChanges = () => {
  const changes = new MutationObserver(() => requestAnimationFrame(() => (noted.changed = Date.now() / 1000)));
  changes.observe(document.querySelector("#thread"), { childList: true, characterData: true, subtree: true });
};
