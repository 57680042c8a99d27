// Looking into a file: text can be changed and saved, pictures and PDF files are shown. A desktop's
// bytes never become a document here: text goes into a field, a picture into an image, the pages of
// a PDF onto canvases, nothing into a frame.
import { Refusal, sentence } from "./answers";
import type { FilesApi } from "./files-api";
import { DRAFT, type Draft } from "./files-drafts";

const MOST_TEXT = 1024 * 1024;
const MOST_PICTURE = 32 * 1024 * 1024;
const MOST_PDF = 64 * 1024 * 1024;
const PICTURES: Record<string, string> = {
  png: "image/png",
  jpg: "image/jpeg",
  jpeg: "image/jpeg",
  gif: "image/gif",
  webp: "image/webp",
  avif: "image/avif",
  bmp: "image/bmp",
  svg: "image/svg+xml",
  ico: "image/x-icon",
};

export interface Words {
  say(key: string, name?: string): string;
  toast(kind: "info" | "error", text: string): void;
}

export class Preview {
  readonly #root: HTMLElement;
  readonly #api: FilesApi;
  readonly #words: Words;
  #path = "";
  #tag = "";
  #saved = "";
  #url: string | undefined;
  #endPdf: (() => void) | undefined;

  constructor(root: HTMLElement, api: FilesApi, words: Words) {
    [this.#root, this.#api, this.#words] = [root, api, words];
    this.#text.addEventListener("input", () => this.#changed());
    this.#text.addEventListener("keydown", (event) => {
      if (!(event.ctrlKey || event.metaKey) || event.key !== "s") return;
      event.preventDefault();
      void this.save();
    });
  }

  async open(path: string, name: string): Promise<void> {
    this.close();
    this.#path = path;
    this.#part("[data-preview-name]").textContent = name;
    const download = this.#part<HTMLAnchorElement>("[data-preview-download]");
    download.href = this.#api.content(path);
    download.download = name;
    const kind = name.split(".").pop()?.toLowerCase() ?? "";
    const picture = PICTURES[kind];
    if (picture) await this.#showPicture(picture);
    else if (kind === "pdf") await this.#showPdf();
    else await this.#showText();
    this.#root.hidden = false;
    this.#root.parentElement?.setAttribute("data-previewing", "");
  }

  draft(): Draft | undefined {
    const text = sessionStorage.getItem(this.#key);
    return text === null ? undefined : (JSON.parse(text) as Draft);
  }

  keepDraft(): void {
    if (!this.unsaved) return;
    const draft: Draft = {
      path: this.#path,
      name: this.#part("[data-preview-name]").textContent,
      text: this.#text.value,
      tag: this.#tag,
    };
    this.#keep(draft);
  }

  #keep(draft: Draft): void {
    try {
      sessionStorage.setItem(this.#key, JSON.stringify(draft));
    } catch {
      // There is no more room in the browser; it has asked before the page was left.
    }
  }

  /** Opens the file with what was not saved in it. It is saved only over what was read then. */
  async resume(draft: Draft): Promise<void> {
    const { path, name, text, tag } = draft;
    const opened = this.open(path, name);
    // The page may be left again before the file has come.
    this.#keep(draft);
    await opened;
    if (this.#text.hidden) return;
    this.#text.value = text;
    this.#tag = tag;
    this.#changed();
    this.#words.toast("info", this.#words.say("resumed", name));
  }

  get #key(): string {
    return `${DRAFT}${this.#api.desktop}`;
  }

  get unsaved(): boolean {
    return !this.#text.hidden && this.#text.value !== this.#saved;
  }

  close(): void {
    this.#root.hidden = true;
    this.#root.parentElement?.removeAttribute("data-previewing");
    for (const part of [this.#text, this.#picture, this.#pages, this.#none]) part.hidden = true;
    this.#text.value = this.#saved = "";
    if (this.#url) URL.revokeObjectURL(this.#url);
    this.#url = undefined;
    this.#picture.removeAttribute("src");
    this.#endPdf?.();
    this.#endPdf = undefined;
    this.#changed();
  }

  async save(): Promise<void> {
    const text = this.#text.value;
    try {
      this.#tag = await this.#api.save(this.#path, text, this.#tag);
      this.#saved = text;
      this.#words.toast("info", this.#words.say("saved", this.#path.split("/").pop()));
    } catch (error) {
      const changed = error instanceof Refusal && error.code === "file_changed";
      this.#words.toast("error", changed ? this.#words.say("changed") : `${this.#path}: ${sentence(error)}`);
    }
    this.#changed();
  }

  async #showPicture(type: string): Promise<void> {
    const read = await this.#api.read(this.#path, MOST_PICTURE);
    if (!read) return this.#nothing();
    this.#url = URL.createObjectURL(new Blob([read.bytes], { type }));
    this.#picture.src = this.#url;
    this.#picture.hidden = false;
  }

  async #showPdf(): Promise<void> {
    const path = this.#path;
    const read = await this.#api.read(path, MOST_PDF);
    if (!read) return this.#nothing();
    const pages = this.#pages;
    pages.hidden = false;
    const { showPdf } = (await import(pages.dataset.pdfModule ?? "")) as typeof import("./files-pdf");
    try {
      const label = (page: number) => this.#words.say("page", String(page));
      const end = await showPdf(pages, await read.bytes.arrayBuffer(), pages.dataset.pdfWorker ?? "", label);
      // Closed, or another opened, while it was on its way.
      if (this.#path === path && !pages.hidden) this.#endPdf = end;
      else end();
    } catch {
      pages.hidden = true;
      this.#nothing();
    }
  }

  async #showText(): Promise<void> {
    const read = await this.#api.read(this.#path, MOST_TEXT);
    if (!read) return this.#nothing();
    try {
      const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(await read.bytes.arrayBuffer());
      if (text.includes("\0")) return this.#nothing();
      this.#tag = read.tag;
      this.#text.value = text;
      // A field knows only line feeds; a file with others is shown and not changed.
      this.#text.readOnly = this.#text.value !== text;
      this.#saved = this.#text.value;
      this.#text.hidden = false;
      this.#changed();
    } catch {
      this.#nothing();
    }
  }

  #nothing(): void {
    this.#none.hidden = false;
  }

  #changed(): void {
    if (!this.unsaved) sessionStorage.removeItem(this.#key);
    const save = this.#part<HTMLButtonElement>("[data-do=save]");
    save.hidden = this.#text.hidden;
    save.disabled = !this.unsaved;
  }

  get #text(): HTMLTextAreaElement {
    return this.#part<HTMLTextAreaElement>("textarea");
  }

  get #picture(): HTMLImageElement {
    return this.#part<HTMLImageElement>("img");
  }

  get #pages(): HTMLElement {
    return this.#part("[data-preview-pages]");
  }

  get #none(): HTMLElement {
    return this.#part("[data-preview-none]");
  }

  #part<T extends HTMLElement>(selector: string): T {
    const part = this.#root.querySelector<T>(selector);
    if (!part) throw new Error(`no ${selector} in the preview`);
    return part;
  }
}
