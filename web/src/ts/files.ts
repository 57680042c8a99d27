// The files of a desktop, in the panel beside its screen: where one is, what is there, and what
// can be done with it. The server puts <rolltop-files> there while the desktop runs.
import { type Dropped, entriesOf } from "./drops";
import { focusFirst } from "./dialogs";
import { type Entry, FilesApi, type Folder, joined, parent, sentence } from "./files-api";
import { Preview } from "./files-preview";
import { chosen, dropped, Uploads } from "./files-upload";
import { toast } from "./toasts";

const HOME = "/home/desk";
type Column = "name" | "size" | "modified_at";

class RolltopFiles extends HTMLElement {
  #api = new FilesApi("");
  #folder: Folder = { path: HOME, items: [], truncated: false };
  /** The folder whose rows are shown. */
  #drawn = "";
  #sort: { column: Column; down: boolean } = { column: "name", down: false };
  #showHidden = false;
  #preview: Preview | undefined;
  #uploads: Uploads | undefined;
  #words: Record<string, string> = {};
  #visible: IntersectionObserver | undefined;

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
      if (!this.isConnected) this.#visible?.disconnect();
    });
  }

  #start(): void {
    this.#api = new FilesApi(this.dataset["desktop"] ?? "");
    this.#words = JSON.parse(this.dataset["words"] ?? "{}") as Record<string, string>;
    this.#preview = new Preview(this.#part(".files-preview"), this.#api, { say: (key, name) => this.#say(key, name), toast });
    const template = this.#part<HTMLTemplateElement>("template[data-upload]");
    this.#uploads = new Uploads(this.#api, this.#part(".files-uploads"), template, () => void this.#go(this.#folder.path));
    this.addEventListener("click", (event) => void this.#clicked(event));
    this.addEventListener("change", (event) => this.#changed(event.target as HTMLInputElement));
    this.addEventListener("dragover", (event) => {
      event.preventDefault();
      this.dataset["dropping"] = "";
    });
    this.addEventListener("dragleave", (event) => {
      if (!this.contains(event.relatedTarget as Node | null)) delete this.dataset["dropping"];
    });
    this.addEventListener("drop", (event) => {
      event.preventDefault();
      delete this.dataset["dropping"];
      if (event.dataTransfer) void this.receive(entriesOf(event.dataTransfer));
    });
    void this.#go(HOME);
  }

  /** Uploads what was dropped, here or on the screen, to the folder that is shown. */
  async receive(entries: Dropped[]): Promise<void> {
    if (!this.#preview) this.#start();
    // Also what came to be there since it was shown is not written over without a question.
    await this.#go(this.#folder.path);
    await this.#try(async () => this.#upload(await dropped(entries)));
  }

  async #try(act: () => Promise<void>): Promise<void> {
    try {
      await act();
    } catch (error) {
      toast("error", sentence(error));
    }
  }

  async #go(path: string): Promise<void> {
    await this.#try(async () => {
      this.#folder = await this.#api.list(path);
      this.#draw();
    });
  }

  #draw(): void {
    const { column, down } = this.#sort;
    const folders = (entry: Entry) => (this.#isFolder(entry) ? 0 : 1);
    const names = new Intl.Collator(document.documentElement.lang, { numeric: true });
    const items = [...this.#folder.items].sort((a, b) => {
      const order = column === "size" ? a.size - b.size : column === "modified_at" ? a.modified_at.localeCompare(b.modified_at) : 0;
      return folders(a) - folders(b) || (down ? -1 : 1) * (order || names.compare(a.name, b.name));
    });
    // What was ticked stays so, also while a refresh was under way; another folder starts anew.
    const ticked = this.#drawn === this.#folder.path ? this.#ticked() : new Set<string>();
    this.#drawn = this.#folder.path;
    const rows = items.filter(({ name }) => !name.startsWith(this.#showHidden ? ".rolltop-upload-" : ".")).map((entry) => this.#row(entry, ticked.has(entry.name)));
    this.#part("tbody").replaceChildren(...rows);
    this.#part("[data-do=hidden]").ariaPressed = String(this.#showHidden);
    this.#part(".files-empty").hidden = rows.length > 0;
    this.#part(".files-more").hidden = !this.#folder.truncated;
    for (const head of this.querySelectorAll<HTMLElement>("th[data-column]")) {
      if (head.dataset["column"] === column) head.setAttribute("aria-sort", down ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    }
    const field = this.#part<HTMLInputElement>("[data-path]");
    field.value = this.#folder.path;
    this.#part<HTMLButtonElement>("[data-do=up]").disabled = this.#folder.path === "/";
    this.#picks();
  }

  #row(entry: Entry, ticked: boolean): HTMLElement {
    const template = this.#part<HTMLTemplateElement>(`template[data-row=${this.#isFolder(entry) ? "folder" : entry.kind}]`);
    const row = template.content.firstElementChild?.cloneNode(true) as HTMLElement;
    row.dataset["name"] = entry.name;
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
      time.textContent = at.toLocaleDateString(document.documentElement.lang, { day: "numeric", month: "short", year: "numeric" });
      time.title = at.toLocaleString(document.documentElement.lang);
    }
    return row;
  }

  async #clicked(event: Event): Promise<void> {
    const target = event.target as Element;
    const open = target.closest("[data-open]");
    const column = target.closest<HTMLElement>("[data-column] button")?.closest<HTMLElement>("[data-column]")?.dataset["column"];
    const act = target.closest<HTMLElement>("[data-do]")?.dataset["do"];
    if (open) await this.#open(open.closest<HTMLElement>("tr")?.dataset["name"] ?? "");
    else if (column) {
      this.#sort = { column: column as Column, down: this.#sort.column === column && !this.#sort.down };
      this.#draw();
    } else if (act) await this.#try(() => this.#do(act));
  }

  #changed(field: HTMLInputElement): void {
    if (field.matches("tbody input[type=checkbox]")) this.#picks();
    else if (field.matches("[data-path]")) void this.#go(field.value);
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
    await this.#try(async () => this.#preview?.open(path, name));
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
    if (act === "upload") return this.#part<HTMLInputElement>("[data-files]").click();
    if (act === "download") return picked.forEach((entry) => this.#download(entry));
    if (act === "folder") {
      const name = await this.#askText("folder", "");
      if (name) await this.#api.makeFolder(joined(this.#folder.path, name));
    } else if (act === "rename" && one) {
      const name = await this.#askText("rename", one.name);
      if (name && name !== one.name) await this.#api.move(path, joined(this.#folder.path, name));
    } else if (act === "copy" && one) {
      const name = await this.#askText("copy", this.#say("copy-name", one.name));
      if (name) await this.#api.copy(path, joined(this.#folder.path, name));
    } else if (act === "mode" && one) {
      const mode = await this.#askText("mode", one.mode);
      if (mode) await this.#api.setMode(path, mode);
    } else if (act === "move") {
      const to = await this.#askText("move", this.#folder.path);
      if (to) for (const { name } of picked) await this.#api.move(joined(this.#folder.path, name), joined(to, name));
    } else if (act === "delete") {
      if (!(await this.#ask("delete", picked.map(({ name }) => name)))) return;
      for (const { name } of picked) await this.#api.remove(joined(this.#folder.path, name));
    } else return;
    await this.#go(this.#folder.path);
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

  #download(entry: Entry): void {
    const path = joined(this.#folder.path, entry.name);
    const link = document.createElement("a");
    link.href = this.#isFolder(entry) ? this.#api.archive(path) : this.#api.content(path);
    link.download = "";
    link.click();
  }

  #ticked(): Set<string> {
    return new Set([...this.querySelectorAll("tbody input:checked")].map((field) => field.closest("tr")?.dataset["name"] ?? ""));
  }

  #picked(): Entry[] {
    const ticked = this.#ticked();
    return this.#folder.items.filter(({ name }) => ticked.has(name));
  }

  #picks(): void {
    const count = this.#picked().length;
    this.#part(".files-actions").hidden = count === 0;
    for (const button of this.querySelectorAll<HTMLButtonElement>(".files-actions [data-one]")) button.disabled = count !== 1;
  }

  #isFolder(entry: Entry): boolean {
    return entry.kind === "folder" || (entry.kind === "link" && entry.target_kind === "folder");
  }

  /** A question with a list; resolves to whether it was answered with yes. */
  #ask(what: string, names: string[]): Promise<boolean> {
    const dialog = this.#part<HTMLDialogElement>(`dialog[data-ask=${what}]`);
    const items = names.slice(0, 10).map((name) => Object.assign(document.createElement("li"), { textContent: name }));
    if (names.length > 10) items.push(Object.assign(document.createElement("li"), { textContent: "…" }));
    dialog.querySelector("ul")?.replaceChildren(...items);
    return new Promise((answer) => {
      dialog.returnValue = "";
      dialog.addEventListener("close", () => {
        this.append(dialog);
        answer(dialog.returnValue === "yes");
      }, { once: true });
      // Inside the panel, the panel would cut it off.
      document.body.append(dialog);
      dialog.showModal();
      focusFirst(dialog);
    });
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

  #bytes(count: number): string {
    const units = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"];
    const power = count < 1000 ? 0 : Math.min(Math.floor(Math.log10(count) / 3), 4);
    const style = { style: "unit", unit: units[power], unitDisplay: power === 0 ? "narrow" : "short", maximumFractionDigits: 1 } as const;
    const parts = new Intl.NumberFormat(document.documentElement.lang, style as Intl.NumberFormatOptions).formatToParts(count / 1000 ** power);
    // The narrow name of a byte, "B" or "o", comes without its space in some languages.
    const unit = parts.find(({ type }) => type === "unit")?.value ?? "";
    const number = parts.filter(({ type }) => type !== "unit" && type !== "literal");
    return `${number.map(({ value }) => value).join("")}\u00a0${unit}`;
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
