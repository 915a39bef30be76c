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
  const sidebar = need("#sidebar");
  const opener = need("[data-sidebar-open]");
  const toggle = need("[data-sidebar-toggle]");
  const isWide = () => matchMedia("(min-width: 821px)").matches;
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
    if (!isWide()) return; // the anchor opens it
    event.preventDefault();
    remember("open");
    toggle.focus();
  });
  sidebar.addEventListener("click", (event) => {
    // The veil beside it belongs to it.
    if (event.target === sidebar && event.clientX > sidebar.getBoundingClientRect().right) location.hash = "main";
  });
  window.addEventListener("hashchange", () => {
    if (location.hash === "#sidebar") need<HTMLElement>("a", sidebar).focus();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && location.hash === "#sidebar") location.hash = "main";
  });
}
