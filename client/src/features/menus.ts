// Menus, panels and the sidebar: plain <details> and an anchor without a program; here they close when one expects it.

import { need } from "../render/dom.ts";

const A_YEAR = 365 * 24 * 3600;

export function startMenus(): void {
  document.addEventListener("click", (event) => {
    const target = event.target as Node;
    for (const menu of openMenus()) if (!menu.contains(target)) menu.open = false;
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.isComposing) return;
    const menu = openMenus().at(-1) ?? document.activeElement?.closest<HTMLDetailsElement>("details.edit[open]");
    if (!menu) return;
    menu.open = false;
    menu.querySelector("summary")?.focus();
    event.preventDefault(); // it has done its work: the answer goes on
  });
}

function openMenus(): HTMLDetailsElement[] {
  return [...document.querySelectorAll<HTMLDetailsElement>("details.menu[open]")];
}

export function startSidebar(): void {
  const opener = need("[data-sidebar-open]");
  const toggle = need("[data-sidebar-toggle]");
  const remember = (state: "open" | "closed") => {
    document.documentElement.dataset["sidebar"] = state;
    document.cookie = `sidebar=${state}; path=/; max-age=${A_YEAR}; samesite=lax`;
  };
  toggle.hidden = false;
  toggle.addEventListener("click", () => {
    remember("closed");
    opener.focus();
  });
  opener.addEventListener("click", (event) => {
    if (!wide.matches) return; // the anchor opens it
    event.preventDefault();
    remember("open");
    toggle.focus();
  });
  startDrawer(opener);
}

const wide = matchMedia("(min-width: 821px)");

/**
 * On a narrow screen the sidebar lies over the page. Without a program it is shown as the page's target, and closed by
 * another target, which moves the thread; here the history entry's state says it, so that the browser's Back closes it.
 */
function startDrawer(opener: HTMLElement): void {
  const sidebar = need("#sidebar");
  const main = need("#main");
  const root = document.documentElement;

  const show = () => {
    const isShown = isDrawerEntry() && !wide.matches;
    if (isShown === root.hasAttribute("data-drawer")) return;
    root.toggleAttribute("data-drawer", isShown);
    main.inert = isShown; // what is below can be neither read nor reached
    (isShown ? need<HTMLElement>("a", sidebar) : opener).focus({ preventScroll: true });
  };
  const close = () => {
    if (isDrawerEntry()) history.back();
    else location.replace("#end"); // the page came with it open
  };

  history.scrollRestoration = "manual"; // while it was open, the end of the thread may have moved on
  opener.addEventListener("click", (event) => {
    if (wide.matches) return;
    event.preventDefault();
    history.pushState(DRAWER_ENTRY, "");
    show();
  });
  window.addEventListener("popstate", show);
  wide.addEventListener("change", show);
  sidebar.addEventListener("click", (event) => {
    const isVeil = event.target === sidebar && event.clientX > sidebar.getBoundingClientRect().right;
    if (!isVeil && !(event.target as Element).closest(".sidebar-close")) return;
    event.preventDefault();
    close();
  });
  document.addEventListener("keydown", (event) => {
    const isOpen = root.hasAttribute("data-drawer") || location.hash === "#sidebar";
    if (event.key !== "Escape" || event.defaultPrevented || !isOpen) return;
    event.preventDefault(); // it has done its work: the answer goes on
    close();
  });
  show();
}

const DRAWER_ENTRY = { drawer: true } as const;

function isDrawerEntry(): boolean {
  return (history.state as Partial<typeof DRAWER_ENTRY> | null)?.drawer === true;
}
