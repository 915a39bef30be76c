// Runs in every page before the page's own scripts: reports what a hostile answer must not bring about. The marker is
// `hit`; it cannot be replaced, and `fresh` names globals that were not there when `settle` was called.
(() => {
  const tell = window.report;
  const mark = (what) => void tell("execution", `${what} at ${location.pathname}`);
  Object.defineProperty(window, "hit", { value: mark, writable: false, configurable: false });
  document.addEventListener("securitypolicyviolation", (event) => {
    const { effectiveDirective, blockedURI, sample, sourceFile, lineNumber } = event;
    void tell("breach", `${effectiveDirective}: ${blockedURI} ${sample} (${sourceFile}:${lineNumber})`);
  });
  // What an answer may consist of; `math` has children of its own.
  const ALLOWED = new Set(
    ("p br hr h3 h4 h5 h6 ul ol li blockquote div table thead tbody tr th td figure figcaption pre button a em strong " +
      "s code span math").split(" "),
  );
  const ATTRIBUTES = new Set(
    "class dir href rel target title start tabindex type data-language data-display data-alive data-host".split(" "),
  );
  const NOT_IN_MATH = /^(on|style$|href$|src$|id$|name$|xlink)/;
  const ADDRESS = /^(https?:\/\/|mailto:)/i;

  const describe = (element) => {
    const name = element.localName;
    const isMath = element.closest("math") !== null;
    const isKnown = ALLOWED.has(name) || (isMath && /^(m\w+|semantics|annotation)$/.test(name));
    const faults = isKnown ? [] : [`element ${name}`];
    for (const { name: attribute, value } of element.attributes) {
      const isBad = isMath ? NOT_IN_MATH.test(attribute) : !ATTRIBUTES.has(attribute);
      if (isBad) faults.push(`${name} has ${attribute}=${value}`);
      if (attribute === "href" && (name !== "a" || !ADDRESS.test(value))) faults.push(`${name} leads to ${value}`);
      if (attribute === "target" && value !== "_blank") faults.push(`${name} opens in ${value}`);
    }
    if (name === "a" && element.rel !== "noopener noreferrer nofollow") faults.push(`a has rel=${element.rel}`);
    return faults;
  };

  const holdBack = (event) => {
    const link = event.target.closest?.("a");
    if (link && ADDRESS.test(link.href)) event.preventDefault();
  };

  const inAnswers = () => [...document.querySelectorAll("#thread .prose *")];
  let known = new Set();
  let frames = 0;
  let begun = 0;
  const acceptance = {
    // Elements and attributes that no answer may bring about.
    inspect: () => inAnswers().flatMap(describe),
    // Links whose reader does not see where they lead.
    hiding: () =>
      inAnswers()
        .filter((element) => element.localName === "a")
        .filter((link) => !`${link.textContent} ${link.dataset.host ?? ""}`.toLowerCase().includes(link.host || link.pathname))
        .map((link) => `${link.textContent} leads to ${link.href}`),
    // Everything that a pointer or a key can do to an answer, but without following its links out.
    provoke: () => {
      document.addEventListener("click", holdBack, true);
      for (const element of inAnswers()) {
        if (element.localName === "button") continue;
        for (const kind of ["pointerenter", "mouseover", "mousedown", "click", "focus", "focusin", "toggle", "load"]) {
          const isMouse = /^(mouse|click)/.test(kind);
          element.dispatchEvent(new (isMouse ? MouseEvent : Event)(kind, { bubbles: true, cancelable: true }));
        }
      }
      document.removeEventListener("click", holdBack, true);
    },
    countFrames: () => {
      frames = 0;
      begun = performance.now();
      const count = () => {
        frames++;
        requestAnimationFrame(count);
      };
      requestAnimationFrame(count);
    },
    framesPerSecond: () => (frames * 1000) / (performance.now() - begun),
    settle: () => (known = new Set(Object.getOwnPropertyNames(window))),
    fresh: () => Object.getOwnPropertyNames(window).filter((name) => !known.has(name) && !/^\d+$/.test(name)),
  };
  Object.defineProperty(window, "acceptance", { value: acceptance, enumerable: false });
})();
