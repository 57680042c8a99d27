// The API's operations on a desktop's files, as far as the page uses them.
import type { CopyFile, CreateFolder, FileList, MoveFile, UpdateFile } from "../../generated/v1";
import { type Refusal, refused } from "./answers";

async function refusal(answer: Response): Promise<Refusal> {
  return refused(answer.status, await answer.text().catch(() => ""));
}

export function joined(folder: string, name: string): string {
  return `${folder.replace(/\/+$/, "")}/${name}`;
}

export function parent(path: string): string {
  return path.replace(/\/[^/]*\/?$/, "") || "/";
}

export const HOME = "/home/desk";

/** A path as a person writes it: from the home folder, from where one is, or whole. */
export function resolved(text: string, here: string): string {
  const typed = text.trim();
  const from =
    typed === "~" || typed.startsWith("~/")
      ? HOME + typed.slice(1)
      : typed.startsWith("/")
        ? typed
        : joined(here, typed);
  const parts: string[] = [];
  for (const part of from.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return `/${parts.join("/")}`;
}

export class FilesApi {
  readonly #root: string;

  constructor(readonly desktop: string) {
    this.#root = `/v1/desktops/${desktop}/files`;
  }

  address(what: string, query: Record<string, string>): string {
    return `${this.#root}${what}?${new URLSearchParams(query).toString()}`;
  }

  content(path: string): string {
    return this.address("/content", { path });
  }

  archive(path: string): string {
    return this.address("/archive", { path });
  }

  async list(path: string): Promise<FileList> {
    return (await (await this.#ask("GET", this.address("", { path }))).json()) as FileList;
  }

  async makeFolder(path: string): Promise<void> {
    await this.#ask("POST", `${this.#root}/folder`, { path } satisfies CreateFolder);
  }

  async move(from: string, to: string): Promise<void> {
    await this.#ask("POST", `${this.#root}/move`, { from, to } satisfies MoveFile);
  }

  async copy(from: string, to: string): Promise<void> {
    await this.#ask("POST", `${this.#root}/copy`, { from, to } satisfies CopyFile);
  }

  async setMode(path: string, mode: string): Promise<void> {
    await this.#ask("PATCH", this.address("", { path }), { mode } satisfies UpdateFile);
  }

  async remove(path: string): Promise<void> {
    await this.#ask("DELETE", this.address("", { path, all: "true" }));
  }

  /** The file's bytes and tag, unless it has more than `most` bytes. */
  async read(path: string, most: number): Promise<{ bytes: Blob; tag: string } | undefined> {
    const answer = await this.#ask("GET", this.content(path));
    if (Number(answer.headers.get("content-length") ?? Infinity) > most) {
      await answer.body?.cancel();
      return undefined;
    }
    return { bytes: await answer.blob(), tag: answer.headers.get("etag") ?? "" };
  }

  /** Saves what nobody changed since it had this tag; gives the new tag. */
  async save(path: string, text: string, tag: string): Promise<string> {
    const answer = await fetch(this.content(path), {
      method: "PUT",
      body: new Blob([text]),
      headers: { "If-Match": tag },
    });
    if (!answer.ok) throw await refusal(answer);
    return answer.headers.get("etag") ?? "";
  }

  async #ask(method: string, address: string, body?: object): Promise<Response> {
    const init: RequestInit = { method, cache: "no-store" };
    if (body) {
      init.body = JSON.stringify(body);
      init.headers = { "Content-Type": "application/json" };
    }
    const answer = await fetch(address, init);
    if (!answer.ok) throw await refusal(answer);
    return answer;
  }
}
