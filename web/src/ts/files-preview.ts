// Looking into a file: text can be changed and saved, pictures are shown. A desktop's bytes never
// become a document here: text goes into a field, a picture into an image, nothing into a frame.
import { type Entry, type FilesApi, Refusal } from "./files-api";

const MOST_TEXT = 1024 * 1024;
const MOST_PICTURE = 32 * 1024 * 1024;
const PICTURES: Record<string, string> = {
  png: "image/png", jpg: "image/jpeg", jpeg: "image/jpeg", gif: "image/gif", webp: "image/webp", avif: "image/avif",
  bmp: "image/bmp", svg: "image/svg+xml", ico: "image/x-icon",
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

  constructor(root: HTMLElement, api: FilesApi, words: Words) {
    [this.#root, this.#api, this.#words] = [root, api, words];
    this.#text.addEventListener("input", () => this.#changed());
    this.#text.addEventListener("keydown", (event) => {
      if (!(event.ctrlKey || event.metaKey) || event.key !== "s") return;
      event.preventDefault();
      void this.save();
    });
  }

  async open(path: string, entry: Entry): Promise<void> {
    this.close();
    this.#path = path;
    this.#part("[data-preview-name]").textContent = entry.name;
    const download = this.#part<HTMLAnchorElement>("[data-preview-download]");
    download.href = this.#api.content(path);
    download.download = entry.name;
    const picture = PICTURES[entry.name.split(".").pop()?.toLowerCase() ?? ""];
    if (picture && entry.size <= MOST_PICTURE) await this.#showPicture(picture);
    else if (entry.size <= MOST_TEXT) await this.#showText();
    else this.#nothing();
    this.#root.hidden = false;
    this.#root.parentElement?.setAttribute("data-previewing", "");
  }

  get unsaved(): boolean {
    return !this.#text.hidden && this.#text.value !== this.#saved;
  }

  close(): void {
    this.#root.hidden = true;
    this.#root.parentElement?.removeAttribute("data-previewing");
    for (const part of [this.#text, this.#picture, this.#none]) part.hidden = true;
    this.#text.value = this.#saved = "";
    if (this.#url) URL.revokeObjectURL(this.#url);
    this.#url = undefined;
    this.#picture.removeAttribute("src");
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
      this.#words.toast("error", changed ? this.#words.say("changed") : (error as Error).message);
    }
    this.#changed();
  }

  async #showPicture(type: string): Promise<void> {
    const { bytes } = await this.#api.read(this.#path);
    this.#url = URL.createObjectURL(new Blob([bytes], { type }));
    this.#picture.src = this.#url;
    this.#picture.hidden = false;
  }

  async #showText(): Promise<void> {
    const { bytes, tag } = await this.#api.read(this.#path);
    try {
      const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(await bytes.arrayBuffer());
      if (text.includes("\0")) return this.#nothing();
      this.#tag = tag;
      this.#text.value = text;
      // A field knows only line feeds; a file with others is shown and not changed.
      this.#text.readOnly = this.#text.value !== text;
      this.#saved = this.#text.value;
      this.#text.hidden = false;
    } catch {
      this.#nothing();
    }
  }

  #nothing(): void {
    this.#none.hidden = false;
  }

  #changed(): void {
    this.#part<HTMLButtonElement>("[data-do=save]").disabled = !this.unsaved;
  }

  get #text(): HTMLTextAreaElement {
    return this.#part<HTMLTextAreaElement>("textarea");
  }

  get #picture(): HTMLImageElement {
    return this.#part<HTMLImageElement>("img");
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
