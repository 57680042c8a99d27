// The files of a desktop, in the panel beside its screen: where one is, what is there, and what
// can be done with it. The server puts <rolltop-files> there while the desktop runs.
import type { FileEntry, FileList } from "../../generated/v1";
import { type Dropped, entriesOf } from "./drops";
import { ask } from "./ask";
import { sentence } from "./answers";
import { FilesApi, HOME, joined, parent, resolved } from "./files-api";
import { pickRange } from "./files-pick";
import { Preview } from "./files-preview";
import { chosen, dropped, Uploads } from "./files-upload";
import { on } from "./listen";
import { showTime } from "./times";
import { toast } from "./toasts";

/** Names in a message at most. */
const NAMED = 5;
type Column = "name" | "size" | "modified_at";

class RolltopFiles extends HTMLElement {
  #api = new FilesApi("");
  #folder: FileList = { path: HOME, items: [], truncated: false };
  /** The folder whose rows are shown. */
  #drawn = "";
  #sort: { column: Column; down: boolean } = { column: "name", down: false };
  #showHidden = false;
  #preview: Preview | undefined;
  #uploads: Uploads | undefined;
  #words: Record<string, string> = {};
  #visible: IntersectionObserver | undefined;
  readonly #leaving = new AbortController();
  /** Whether what is done with several files goes on. */
  #busy = false;

  connectedCallback(): void {
    if (this.#visible) return;
    this.#visible = new IntersectionObserver((changes) => {
      if (this.#preview || !changes.some((change) => change.isIntersecting)) return;
      this.#start();
    });
    this.#visible.observe(this);
  }

  disconnectedCallback(): void {
    queueMicrotask(() => {
      if (this.isConnected) return;
      this.#visible?.disconnect();
      this.#preview?.keepDraft();
      this.#leaving.abort();
    });
  }

  #start(): void {
    this.#api = new FilesApi(this.dataset.desktop ?? "");
    this.#words = JSON.parse(this.dataset.words ?? "{}") as Record<string, string>;
    this.#preview = new Preview(this.#part(".files-preview"), this.#api, {
      say: (key, name) => this.#say(key, name),
      toast,
    });
    const template = this.#part<HTMLTemplateElement>("template[data-upload]");
    this.#uploads = new Uploads(this.#api, this.#part(".files-uploads"), template, (done, all) => {
      this.#part(".files-uploads-bar").hidden = all < 2;
      this.#part("[data-uploads-count]").textContent = this.#say("uploads-count", "")
        .replace("%done%", String(done))
        .replace("%all%", String(all));
      if (all === 0) void this.#go(this.#folder.path);
    });
    const { signal } = this.#leaving;
    on(window, "beforeunload", { signal }, (event) => {
      if (this.#preview?.unsaved) event.preventDefault();
    });
    window.addEventListener("pagehide", () => this.#preview?.keepDraft(), { signal });
    this.addEventListener("click", (event) => void this.#clicked(event));
    this.addEventListener("change", (event) => this.#changed(event.target as HTMLInputElement));
    this.addEventListener("dragover", (event) => {
      event.preventDefault();
      this.dataset.dropping = "";
    });
    this.addEventListener("dragleave", (event) => {
      if (!this.contains(event.relatedTarget as Node | null)) delete this.dataset.dropping;
    });
    this.addEventListener("drop", (event) => {
      event.preventDefault();
      delete this.dataset.dropping;
      if (event.dataTransfer) void this.receive(entriesOf(event.dataTransfer));
    });
    void this.#begin();
  }

  /** Where a text was left unsaved, that is open again. */
  async #begin(): Promise<void> {
    const left = this.#preview?.draft();
    await this.#go(left ? parent(left.path) : HOME);
    if (left) await this.#try(async () => this.#preview?.resume(left), left.name);
  }

  /** Uploads what was dropped, here or on the screen, to the folder that is shown. */
  async receive(entries: Dropped[]): Promise<void> {
    if (!this.#preview) this.#start();
    // Also what came to be there since it was shown is not written over without a question.
    await this.#go(this.#folder.path);
    await this.#try(async () => this.#upload(await dropped(entries)));
  }

  /** What goes wrong is said, with what it went wrong with. */
  async #try(act: () => Promise<void>, name = ""): Promise<boolean> {
    try {
      await act();
      return true;
    } catch (error) {
      toast("error", name === "" ? sentence(error) : `${name}: ${sentence(error)}`);
      return false;
    }
  }

  async #go(path: string): Promise<void> {
    await this.#try(async () => {
      this.#folder = await this.#api.list(path);
      this.#draw();
    }, path);
    // What stands there is where the rows are from, also where there was no way further.
    this.#part<HTMLInputElement>("[data-path]").value = this.#folder.path;
  }

  #draw(): void {
    const { column, down } = this.#sort;
    const folders = (entry: FileEntry) => (this.#isFolder(entry) ? 0 : 1);
    const names = new Intl.Collator(document.documentElement.lang, { numeric: true });
    const items = [...this.#folder.items].sort((a, b) => {
      const order =
        column === "size" ? a.size - b.size : column === "modified_at" ? a.modified_at.localeCompare(b.modified_at) : 0;
      return folders(a) - folders(b) || (down ? -1 : 1) * (order || names.compare(a.name, b.name));
    });
    // What was ticked stays so, also while a refresh was under way; another folder starts anew.
    const ticked = this.#drawn === this.#folder.path ? this.#ticked() : new Set<string>();
    this.#drawn = this.#folder.path;
    const rows = items
      .filter(({ name }) => !name.startsWith(this.#showHidden ? ".rolltop-upload-" : "."))
      .map((entry) => this.#row(entry, ticked.has(entry.name)));
    this.#part("tbody").replaceChildren(...rows);
    this.#part("[data-do=hidden]").ariaPressed = String(this.#showHidden);
    this.#part(".files-empty").hidden = rows.length > 0;
    this.#part(".files-more").hidden = !this.#folder.truncated;
    for (const head of this.querySelectorAll<HTMLElement>("th[data-column]")) {
      if (head.dataset.column === column) head.setAttribute("aria-sort", down ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    }
    this.#part<HTMLButtonElement>("[data-do=up]").disabled = this.#folder.path === "/";
    this.#picks();
  }

  #row(entry: FileEntry, ticked: boolean): HTMLElement {
    const template = this.#part<HTMLTemplateElement>(
      `template[data-row=${this.#isFolder(entry) ? "folder" : entry.kind}]`,
    );
    const row = template.content.firstElementChild?.cloneNode(true) as HTMLElement;
    row.dataset.name = entry.name;
    const name = row.querySelector<HTMLElement>("[data-open]");
    const words = name?.querySelector("bdi");
    if (words) words.textContent = entry.name;
    const box = row.querySelector("input");
    if (box) box.checked = ticked;
    box?.setAttribute("aria-label", this.#say("pick", entry.name));
    const size = row.querySelector("[data-size]");
    if (size && !this.#isFolder(entry)) size.textContent = this.#bytes(entry.size);
    const time = row.querySelector("time");
    const at = new Date(entry.modified_at);
    if (time && at.getTime() > 0) {
      time.dateTime = entry.modified_at;
      showTime(time);
    }
    return row;
  }

  async #clicked(event: Event): Promise<void> {
    const target = event.target as Element;
    const open = target.closest("[data-open]");
    const column = target.closest<HTMLElement>("[data-column] button")?.closest<HTMLElement>("[data-column]")
      ?.dataset.column;
    const act = target.closest<HTMLElement>("[data-do]")?.dataset.do;
    if (target instanceof HTMLInputElement && target.matches("tbody input[type=checkbox]")) {
      pickRange(this.#part("tbody"), target, (event as MouseEvent).shiftKey);
      this.#picks();
    } else if (open) await this.#open(open.closest<HTMLElement>("tr")?.dataset.name ?? "");
    else if (column) {
      this.#sort = { column: column as Column, down: this.#sort.column === column && !this.#sort.down };
      this.#draw();
    } else if (act) await this.#try(() => this.#do(act));
  }

  #changed(field: HTMLInputElement): void {
    if (field.matches("[data-all]")) {
      for (const box of this.querySelectorAll<HTMLInputElement>("tbody input[type=checkbox]"))
        box.checked = field.checked;
      this.#picks();
    } else if (field.matches("tbody input[type=checkbox]")) this.#picks();
    else if (field.matches("[data-path]")) void this.#go(resolved(field.value, this.#folder.path));
    else if (field.type === "file" && field.files) {
      void this.#upload(chosen(field.files));
      field.value = "";
    }
  }

  async #open(name: string): Promise<void> {
    const entry = this.#folder.items.find((item) => item.name === name);
    if (!entry) return;
    const path = joined(this.#folder.path, name);
    if (this.#isFolder(entry)) return this.#go(path);
    if (this.#preview?.unsaved && !(await this.#ask("discard", []))) return;
    await this.#try(async () => this.#preview?.open(path, name), name);
  }

  async #do(act: string): Promise<void> {
    const picked = this.#picked();
    const [one] = picked;
    const path = one ? joined(this.#folder.path, one.name) : "";
    if (act === "up") return this.#go(parent(this.#folder.path));
    if (act === "home") return this.#go(HOME);
    if (act === "refresh") return this.#go(this.#folder.path);
    if (act === "hidden") {
      this.#showHidden = !this.#showHidden;
      return this.#draw();
    }
    if (act === "save") return this.#preview?.save();
    if (act === "close") return this.#close();
    if (act === "stop") {
      this.#busy = false;
      return;
    }
    if (act === "stop-uploads") return this.#uploads?.stop();
    if (act === "upload") return this.#part<HTMLInputElement>("[data-files]").click();
    if (act === "download") return picked.forEach((entry) => this.#download(entry));
    if (act === "folder") {
      const name = await this.#askText("folder", "");
      if (name) await this.#try(() => this.#api.makeFolder(joined(this.#folder.path, name)), name);
    } else if (act === "rename" && one) {
      const name = await this.#askText("rename", one.name);
      if (name && name !== one.name)
        await this.#try(() => this.#api.move(path, joined(this.#folder.path, name)), one.name);
    } else if (act === "copy" && one) {
      const name = await this.#askText("copy", this.#say("copy-name", one.name));
      if (name) await this.#try(() => this.#api.copy(path, joined(this.#folder.path, name)), one.name);
    } else if (act === "mode" && one) {
      const mode = await this.#askText("mode", one.mode);
      if (mode) await this.#try(() => this.#api.setMode(path, mode), one.name);
    } else if (act === "move") {
      const to = await this.#askText("move", this.#folder.path);
      const [from, folder] = [this.#folder.path, resolved(to, this.#folder.path)];
      if (to) await this.#each(picked, "moving", (name) => this.#api.move(joined(from, name), joined(folder, name)));
    } else if (act === "delete") {
      if (
        !(await this.#ask(
          "delete",
          picked.map(({ name }) => name),
        ))
      )
        return;
      const from = this.#folder.path;
      await this.#each(picked, "deleting", (name) => this.#api.remove(joined(from, name)));
    } else return;
    await this.#go(this.#folder.path);
  }

  /** The same with each, one after the other: how far that is shows, it can be stopped, and one that fails does not stop it. */
  async #each(entries: FileEntry[], what: string, act: (name: string) => Promise<void>): Promise<void> {
    const bar = this.#part(".files-busy");
    const failed: string[] = [];
    let [done, reason] = [0, ""];
    this.#busy = true;
    bar.hidden = entries.length < 2;
    for (const { name } of entries) {
      if (!this.#busy) break;
      this.#part("[data-busy]").textContent = this.#say(what)
        .replace("%done%", String(done + 1))
        .replace("%all%", String(entries.length));
      try {
        await act(name);
      } catch (error) {
        failed.push(name);
        reason = (error as Error).message;
      }
      done += 1;
    }
    this.#busy = false;
    bar.hidden = true;
    const shown = failed.length > NAMED ? [...failed.slice(0, NAMED), "…"] : failed;
    if (failed.length > 0) toast("error", `${shown.join(", ")}: ${reason}`);
  }

  async #close(): Promise<void> {
    if (this.#preview?.unsaved && !(await this.#ask("discard", []))) return;
    this.#preview?.close();
  }

  async #upload(wanted: { folders: string[]; files: { path: string; file: File }[] }): Promise<void> {
    const there = new Set(this.#folder.items.map(({ name }) => name));
    const tops = new Set(wanted.files.map(({ path }) => path.split("/")[0] ?? ""));
    const over = [...tops].filter((name) => there.has(name));
    if (over.length > 0 && !(await this.#ask("replace", over))) return;
    await this.#try(async () => this.#uploads?.add(this.#folder.path, wanted));
  }

  #download(entry: FileEntry): void {
    const path = joined(this.#folder.path, entry.name);
    const link = document.createElement("a");
    link.href = this.#isFolder(entry) ? this.#api.archive(path) : this.#api.content(path);
    link.download = "";
    link.click();
  }

  #ticked(): Set<string> {
    return new Set(
      [...this.querySelectorAll("tbody input:checked")].map((field) => field.closest("tr")?.dataset.name ?? ""),
    );
  }

  #picked(): FileEntry[] {
    const ticked = this.#ticked();
    return this.#folder.items.filter(({ name }) => ticked.has(name));
  }

  #picks(): void {
    const count = this.#picked().length;
    const all = this.#part<HTMLInputElement>("[data-all]");
    const rows = this.querySelectorAll("tbody tr").length;
    all.checked = count > 0 && count === rows;
    all.indeterminate = count > 0 && count < rows;
    this.#part("[data-picked]").textContent = this.#say("picked", String(count));
    this.#part(".files-actions").hidden = count === 0;
    for (const button of this.querySelectorAll<HTMLButtonElement>(".files-actions [data-one]"))
      button.disabled = count !== 1;
  }

  #isFolder(entry: FileEntry): boolean {
    return entry.kind === "folder" || (entry.kind === "link" && entry.target_kind === "folder");
  }

  /** A question with a list; resolves to whether it was answered with yes. */
  #ask(what: string, names: string[]): Promise<boolean> {
    const dialog = this.#part<HTMLDialogElement>(`dialog[data-ask=${what}]`);
    const items = names.slice(0, 10).map((name) => Object.assign(document.createElement("li"), { textContent: name }));
    if (names.length > 10) items.push(Object.assign(document.createElement("li"), { textContent: "…" }));
    dialog.querySelector("ul")?.replaceChildren(...items);
    return ask(this, dialog);
  }

  /** The same with a text to be given. */
  async #askText(what: string, value: string): Promise<string> {
    const dialog = this.#part<HTMLDialogElement>(`dialog[data-ask=${what}]`);
    const field = dialog.querySelector("input");
    if (!field) return "";
    field.value = value;
    const answer = this.#ask(what, []);
    const dot = what === "rename" || what === "copy" ? value.lastIndexOf(".") : -1;
    field.setSelectionRange(0, dot > 0 ? dot : value.length);
    return (await answer) ? field.value.trim() : "";
  }

  /** As everywhere else: by 1024, at most one digit after the point. */
  #bytes(count: number): string {
    const power = count < 1 ? 0 : Math.min(Math.floor(Math.log2(count) / 10), 4);
    const format = new Intl.NumberFormat(document.documentElement.lang, { maximumFractionDigits: power < 2 ? 0 : 1 });
    return `${format.format(count / 1024 ** power)}\u00a0${(this.#words.units ?? "").split(" ")[power] ?? ""}`;
  }

  #say(key: string, name = ""): string {
    return (this.#words[key] ?? "").replace("%name%", name);
  }

  #part<T extends HTMLElement>(selector: string): T {
    const part = this.querySelector<T>(selector);
    if (!part) throw new Error(`no ${selector} among the files`);
    return part;
  }
}

customElements.define("rolltop-files", RolltopFiles);
