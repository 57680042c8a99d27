// The terminals of a desktop, in the panel beside its screen. The server puts
// <rolltop-terminals> there while the desktop runs. Loaded once its tab is opened.
import { allowStyles } from "./xterm-styles";

allowStyles();

import type { Problem, TerminalList } from "../../generated/v1";
import { ask } from "./ask";
import { tellConnection } from "./connection";
import { on } from "./listen";
import { TerminalView } from "./terminal-view";
import { localPort } from "./terminal-links";
import { toastWithUndo } from "./toasts";

const MOST = 32;
/** Programs that wait for a command and lose nothing. */
const SHELLS = /^-?(ba|z|fi|da|k|a|tc|c)?sh$/;

interface Entry {
  number: number;
  view: TerminalView;
  button: HTMLElement;
}

class RolltopTerminals extends HTMLElement {
  #entries: Entry[] = [];
  #shown: Entry | undefined;
  #listeners: AbortController | undefined;
  #visible: IntersectionObserver | undefined;
  #theme: MutationObserver | undefined;
  /** Closed, and ended unless that is undone. */
  readonly #leaving = new Set<number>();
  readonly #offered = new Set<number>();
  #sought = "";

  connectedCallback(): void {
    if (this.#visible) return;
    // Only once it is looked at.
    this.#visible = new IntersectionObserver((changes) => {
      if (this.#listeners || !changes.some((change) => change.isIntersecting)) return;
      this.#listeners = new AbortController();
      void this.#start(this.#listeners.signal);
    });
    this.#visible.observe(this);
  }

  disconnectedCallback(): void {
    // A morph may take it out and put it back at once.
    queueMicrotask(() => {
      if (this.isConnected) return;
      this.#visible?.disconnect();
      this.#visible = undefined;
      this.#theme?.disconnect();
      this.#listeners?.abort();
      this.#listeners = undefined;
      for (const entry of this.#entries) {
        entry.view.close();
        tellConnection(`terminal ${entry.number}`, "none");
      }
      this.#entries = [];
    });
  }

  async #start(signal: AbortSignal): Promise<void> {
    this.#wire(signal);
    this.#theme = new MutationObserver(() => this.#entries.forEach(({ view }) => view.recolour()));
    this.#theme.observe(document.documentElement, { attributeFilter: ["class"] });
    await document.fonts.load("13px 'JetBrains Mono'").catch(() => undefined);
    const answer = await fetch(this.#address(), { cache: "no-store" }).catch(() => undefined);
    if (answer?.status === 409) {
      const { detail } = (await answer.json()) as Problem;
      this.#say(detail);
      return;
    }
    const { items } = answer?.ok ? ((await answer.json()) as TerminalList) : { items: [] };
    const numbers = items.map(({ number }) => number);
    for (const number of numbers.length > 0 ? numbers : [1]) this.#open(number);
    const first = this.#entries[0];
    if (first) this.#show(first);
  }

  #wire(signal: AbortSignal): void {
    this.addEventListener("click", (event) => void this.#clicked(event.target as Element), { signal });
    this.addEventListener(
      "rolltop:control-used",
      () => this.#part("[data-sticky]")?.setAttribute("aria-pressed", "false"),
      { signal },
    );
    const field = this.#part<HTMLInputElement>("[data-search-text]");
    on(field, "keydown", { signal }, (event) => {
      if (event.key === "Enter" && field?.value) this.#seek(field.value);
      if (event.key === "Escape") this.#search(false);
    });
    // The key row must not take the focus, or a phone's keyboard goes away.
    window.addEventListener("pagehide", () => this.#leaving.forEach((number) => this.#end(number)), { signal });
    this.#part(".terminal-keys")?.addEventListener("pointerdown", (event) => event.preventDefault(), { signal });
  }

  async #clicked(target: Element): Promise<void> {
    const control = target.closest<HTMLElement>("button");
    const act = control?.dataset.act;
    const key = control?.dataset.type;
    const entry = this.#entries.find(({ button }) => button.contains(target));
    if (entry && act === "close") await this.#askToClose(entry);
    else if (entry) this.#show(entry);
    else if (act === "new") this.#new();
    else if (act === "search") this.#search(this.#part(".terminal-search")?.hidden !== false);
    else if (act === "older" || act === "newer") this.#shown?.view.searchOn(act === "older");
    else if (act === "full") await (document.fullscreenElement ? document.exitFullscreen() : this.requestFullscreen());
    else if (act === "again") this.#again();
    else if (act === "unoffer") this.#offer(undefined);
    else if (key !== undefined && control) this.#key(control, key);
  }

  #key(control: HTMLElement, key: string): void {
    const view = this.#shown?.view;
    if (!view) return;
    if (control.dataset.sticky !== undefined) {
      view.control = !view.control;
      control.setAttribute("aria-pressed", String(view.control));
    } else {
      view.type(JSON.parse(`"${key}"`) as string);
    }
  }

  #open(number: number): Entry {
    const template = this.#part<HTMLTemplateElement>("template[data-tab]");
    const button = template?.content.firstElementChild?.cloneNode(true) as HTMLElement;
    for (const place of button.querySelectorAll<HTMLElement>("[data-number]")) place.textContent = String(number);
    const closer = button.querySelector("[data-act=close]");
    closer?.setAttribute("aria-label", `${closer.getAttribute("aria-label") ?? ""} ${number}`);
    this.#part("[data-tabs]")?.append(button);
    const host = this.#part(".terminal-places") ?? this;
    const entry: Entry = {
      number,
      button,
      view: new TerminalView(`${this.#address()}/${number}`, host, {
        broken: (how) =>
          tellConnection(`terminal ${number}`, how === "no" ? "none" : how === "silent" ? "silent" : "unsent"),
        ended: () => this.#ended(number),
        search: () => this.#search(true),
        found: (found) => this.#missed(!found),
        local: (port) => this.#offer(port),
        open: (address) => this.#follow(address),
        leave: () => button.querySelector("button")?.focus(),
      }),
    };
    this.#entries.push(entry);
    return entry;
  }

  #show(entry: Entry): void {
    this.#shown = entry;
    this.#say("");
    for (const other of this.#entries) {
      other.view.place.hidden = other !== entry;
      other.button.querySelector("button")?.setAttribute("aria-pressed", String(other === entry));
    }
    entry.button.scrollIntoView({ block: "nearest", inline: "nearest" });
    entry.view.focus();
  }

  #new(): void {
    const taken = new Set([...this.#leaving, ...this.#entries.map(({ number }) => number)]);
    for (let number = 1; number <= MOST; number += 1) {
      if (!taken.has(number)) return this.#show(this.#open(number));
    }
  }

  #again(): void {
    this.#new();
  }

  /** A program that runs in it is not ended without asking; a shell that waits comes back for a while. */
  async #askToClose(entry: Entry): Promise<void> {
    const program = await this.#program(entry.number);
    if (program !== undefined && !SHELLS.test(program) && !(await this.#confirm(program))) return;
    if (!this.#entries.includes(entry)) return;
    this.#forget(entry);
    if (program !== undefined && !SHELLS.test(program)) return this.#end(entry.number);
    const undo = () => {
      this.#leaving.delete(entry.number);
      this.#show(this.#open(entry.number));
    };
    this.#leaving.add(entry.number);
    toastWithUndo((this.dataset.closed ?? "").replace("%name%", String(entry.number)), undo, () => {
      if (this.#leaving.has(entry.number)) this.#end(entry.number);
    });
  }

  /** What runs in it; nothing where that can't be known, as for one that has gone. */
  async #program(number: number): Promise<string | undefined> {
    const answer = await fetch(this.#address(), { cache: "no-store" }).catch(() => undefined);
    if (!answer?.ok) return undefined;
    const { items } = (await answer.json()) as TerminalList;
    return items.find((item) => item.number === number)?.program;
  }

  #confirm(program: string): Promise<boolean> {
    const dialog = this.#part<HTMLDialogElement>("dialog[data-ask]");
    if (!dialog) return Promise.resolve(true);
    for (const place of dialog.querySelectorAll("[data-program]")) place.textContent = program;
    return ask(this, dialog);
  }

  /** Also while the page goes away. */
  #end(number: number): void {
    this.#leaving.delete(number);
    void fetch(`${this.#address()}/${number}`, { method: "DELETE", keepalive: true }).catch(() => undefined);
  }

  #seek(text: string): void {
    if (this.#sought === text) return this.#shown?.view.searchOn(true);
    this.#sought = text;
    this.#missed(false);
    this.#shown?.view.search(text);
  }

  #missed(missed: boolean): void {
    const place = this.#part("[data-missed]");
    if (place) place.textContent = missed ? (place.dataset.missed ?? "") : "";
    if (missed) this.#sought = "";
  }

  /** A program has shown an address in the desktop, which the person's own machine can't open: its preview is. */
  #offer(port: number | undefined): void {
    const bar = this.#part(".terminal-offer");
    const link = bar?.querySelector("a");
    if (!bar || !link) return;
    if (port !== undefined && this.#offered.has(port)) return;
    bar.hidden = port === undefined;
    if (port === undefined) return;
    this.#offered.add(port);
    link.href = this.#preview(port);
    const place = bar.querySelector("[data-port]");
    if (place) place.textContent = String(port);
  }

  #preview(port: number): string {
    return (this.dataset.preview ?? "").replace("%port%", String(port));
  }

  #follow(address: string): void {
    const port = localPort(address);
    if (port === undefined || this.#preview(port) === "") window.open(address, "_blank", "noopener,noreferrer");
    else {
      const { pathname, search, hash } = new URL(address);
      window.open(new URL(`${pathname}${search}${hash}`, this.#preview(port)), "_blank", "noopener,noreferrer");
    }
  }

  #ended(number: number): void {
    const entry = this.#entries.find((other) => other.number === number);
    if (entry) this.#forget(entry);
  }

  #forget(entry: Entry): void {
    const place = this.#entries.indexOf(entry);
    this.#entries.splice(place, 1);
    entry.view.close();
    tellConnection(`terminal ${entry.number}`, "none");
    entry.button.remove();
    if (this.#shown !== entry) return;
    const next = this.#entries[Math.min(place, this.#entries.length - 1)];
    this.#shown = next;
    if (next) this.#show(next);
    else this.#say(this.dataset.ended ?? "", true);
  }

  #search(open: boolean): void {
    const bar = this.#part(".terminal-search");
    const field = this.#part<HTMLInputElement>("[data-search-text]");
    if (!bar || !field) return;
    bar.hidden = !open;
    if (open) {
      field.select();
      field.focus();
    } else {
      this.#sought = "";
      this.#missed(false);
      this.#shown?.view.toPrompt();
      this.#shown?.view.focus();
    }
  }

  /** A sentence in the place of a terminal. */
  #say(text: string, again = false): void {
    const place = this.#part(".terminal-message");
    if (!place) return;
    place.hidden = text === "";
    const sentence = place.querySelector("p");
    if (sentence) sentence.textContent = text;
    const button = place.querySelector<HTMLElement>("[data-act=again]");
    if (button) button.hidden = !again;
  }

  #address(): string {
    return `/v1/desktops/${this.dataset.desktop ?? ""}/terminals`;
  }

  #part<T extends HTMLElement>(selector: string): T | null {
    return this.querySelector<T>(selector);
  }
}

customElements.define("rolltop-terminals", RolltopTerminals);
