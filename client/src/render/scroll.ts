// Keeps the end of the thread in sight while the reader is there, and leaves the reader alone elsewhere.

import { need } from "./dom.ts";

/** So near to the end counts as being there. */
const NEAR = 64;

export class EndOfThread {
  readonly #button = need<HTMLButtonElement>("#latest");
  #sticks = false;
  #last = window.scrollY;

  constructor() {
    window.addEventListener("scroll", () => this.#look(), { passive: true });
    window.addEventListener("resize", () => this.follow(), { passive: true });
    this.#button.addEventListener("click", () => this.go());
  }

  /** To the end, and stay there. */
  go(): void {
    this.#sticks = true;
    this.follow();
  }

  /** The thread has grown: to the end, if the reader was there. */
  follow(): void {
    const root = document.documentElement;
    if (this.#sticks) {
      window.scrollTo({ top: root.scrollHeight, behavior: "instant" });
      this.#last = window.scrollY;
    }
    this.#button.hidden = this.#sticks || this.#distance() < NEAR;
  }

  /** Runs a change above the reader's place without moving what is being read. */
  keepingPlace(anchor: Element, change: () => void): void {
    const before = anchor.getBoundingClientRect().top;
    change();
    window.scrollBy({ top: anchor.getBoundingClientRect().top - before, behavior: "instant" });
  }

  #look(): void {
    const isUp = window.scrollY < this.#last - 2;
    this.#last = window.scrollY;
    if (this.#sticks && !isUp) return; // our own scrolling: nothing to measure
    this.#sticks = this.#distance() < NEAR;
    this.#button.hidden = this.#sticks || this.#distance() < NEAR;
  }

  #distance(): number {
    return document.documentElement.scrollHeight - window.innerHeight - window.scrollY;
  }
}
