// Uploading many files and folders: two at a time, each with its progress and a way to stop it. An
// upload that breaks off goes on where it was; what is stopped leaves nothing. A file goes in parts, and in smaller ones
// where something in between, such as a proxy, takes no large requests or breaks them off.
import type { Upload } from "../../generated/v1";
import { Refusal, send } from "./answers";
import type { Dropped } from "./drops";
import { type FilesApi, joined } from "./files-api";

const AT_ONCE = 2;
const TRIES = 6;
const PAUSE_MS = 1000;
/** What is sent at once, bytes, at first; and what even proxies take that nobody has set up for uploads. */
const PART = 16 << 20;
const SMALLEST_PART = 512 << 10;

interface Wanted {
  /** Below the folder that was dropped onto, with its own folders. */
  path: string;
  file: File;
}

/** What was dropped, folders opened. */
export async function dropped(entries: Dropped[]): Promise<{ folders: string[]; files: Wanted[] }> {
  const folders: string[] = [];
  const files: Wanted[] = [];
  const walk = async (entry: FileSystemEntry, path: string): Promise<void> => {
    if (entry.isFile) {
      files.push({
        path,
        file: await new Promise((done, failed) => (entry as FileSystemFileEntry).file(done, failed)),
      });
      return;
    }
    folders.push(path);
    const reader = (entry as FileSystemDirectoryEntry).createReader();
    for (;;) {
      const batch = await new Promise<FileSystemEntry[]>((done, failed) => reader.readEntries(done, failed));
      if (batch.length === 0) return;
      for (const child of batch) await walk(child, `${path}/${child.name}`);
    }
  };
  for (const entry of entries) {
    if (entry instanceof File) files.push({ path: entry.name, file: entry });
    else await walk(entry, entry.name);
  }
  return { folders, files };
}

/** What was chosen in the browser's own dialog. */
export function chosen(list: FileList): { folders: string[]; files: Wanted[] } {
  const folders = new Set<string>();
  const files = [...list].map((file) => {
    const path = file.webkitRelativePath || file.name;
    const parts = path.split("/").slice(0, -1);
    parts.forEach((_, depth) => folders.add(parts.slice(0, depth + 1).join("/")));
    return { path, file };
  });
  return { folders: [...folders], files };
}

export class Uploads {
  readonly #api: FilesApi;
  readonly #list: HTMLElement;
  readonly #template: HTMLTemplateElement;
  readonly #progress: (done: number, all: number) => void;
  #done = 0;
  #all = 0;
  #stops: (() => void)[] = [];
  #waiting: (() => Promise<void>)[] = [];
  #running = 0;

  constructor(
    api: FilesApi,
    list: HTMLElement,
    template: HTMLTemplateElement,
    progress: (done: number, all: number) => void,
  ) {
    [this.#api, this.#list, this.#template, this.#progress] = [api, list, template, progress];
  }

  /** All that is under way and all that waits; what has failed is forgotten. */
  stop(): void {
    for (const stop of this.#stops.splice(0)) stop();
  }

  async add(folder: string, wanted: { folders: string[]; files: Wanted[] }): Promise<void> {
    for (const path of wanted.folders) {
      await this.#api.makeFolder(joined(folder, path)).catch((error: unknown) => {
        if (!(error instanceof Refusal) || error.code !== "file_exists") throw error;
      });
    }
    for (const { path, file } of wanted.files) this.#queue(joined(folder, path), path, file);
    if (wanted.files.length === 0) this.#progress(0, 0);
  }

  #queue(path: string, name: string, file: File): void {
    const row = this.#template.content.firstElementChild?.cloneNode(true) as HTMLElement;
    const label = row.querySelector("[data-name]");
    if (label) label.textContent = name;
    this.#list.append(row);
    this.#list.hidden = false;
    const stop = new AbortController();
    const end = () => {
      stop.abort();
      this.#away(row);
    };
    row.querySelector("button")?.addEventListener("click", end);
    this.#stops.push(end);
    this.#all += 1;
    this.#progress(this.#done, this.#all);
    this.#waiting.push(async () => {
      if (stop.signal.aborted) return;
      try {
        await this.#upload(path, file, stop.signal, (share) =>
          row.querySelector("progress")?.setAttribute("value", String(share)),
        );
        this.#away(row);
      } catch (error) {
        row.dataset.failed = "";
        const reason = row.querySelector("[data-reason]");
        if (reason) reason.textContent = error instanceof Refusal ? error.message : (row.dataset.brokenOff ?? "");
      }
    });
    this.#next();
  }

  #next(): void {
    while (this.#running < AT_ONCE) {
      const upload = this.#waiting.shift();
      if (!upload) break;
      this.#running += 1;
      void upload().finally(() => {
        this.#running -= 1;
        this.#done += 1;
        this.#next();
        if (this.#running === 0) [this.#done, this.#all, this.#stops] = [0, 0, []];
        this.#progress(this.#done, this.#all);
      });
    }
  }

  #away(row: HTMLElement): void {
    row.remove();
    this.#list.hidden = this.#list.childElementCount === 0;
  }

  async #upload(path: string, file: File, stop: AbortSignal, progress: (share: number) => void): Promise<void> {
    const upload = crypto.randomUUID().replaceAll("-", "");
    const query = { path, upload };
    let [offset, part] = [0, PART];
    for (let tries = 1; ; tries += 1) {
      try {
        if (tries > 1) offset = await this.#offset(query);
        do {
          const end = Math.min(offset + part, file.size);
          const from = offset;
          await send(
            ["PUT", this.#api.address("/content", query)],
            file.slice(from, end),
            from < end ? { "Content-Range": `bytes ${from}-${end - 1}/${file.size}` } : {},
            (bytes) => progress((from + bytes) / Math.max(file.size, 1)),
            stop,
          );
          [offset, tries] = [end, 1];
        } while (offset < file.size);
        return;
      } catch (error) {
        if (stop.aborted) {
          await fetch(this.#api.address("/upload", query), { method: "DELETE" });
          return;
        }
        const ours = error instanceof Refusal && error.code !== "";
        if (!ours && part > SMALLEST_PART) part = Math.max(SMALLEST_PART, part / 4);
        else if (error instanceof Refusal && error.status === 413) throw error;
        const passing = !ours || ["upload_broken_off", "wrong_offset", "desktop_unreachable"].includes(error.code);
        if (!passing || tries >= TRIES) throw error;
        await new Promise((done) => window.setTimeout(done, PAUSE_MS * tries));
      }
    }
  }

  async #offset(query: Record<string, string>): Promise<number> {
    const answer = await fetch(this.#api.address("/upload", query), { cache: "no-store" });
    return answer.ok ? ((await answer.json()) as Upload).offset : 0;
  }
}
