// One terminal's WebSocket: bytes both ways, how much has been drawn, and coming back by itself
// after a break. Nothing is said about a break for two seconds.

import { takePulse } from "./pulse";
import { whenUnseen } from "./unseen";

const SILENT_MS = 2000;
const RETRY_FIRST_MS = 250;
const RETRY_MOST_MS = 4000;
/** What was drawn is reported in portions of this many bytes, */
const REPORT_BYTES = 16 * 1024;
/** or after this long. */
const REPORT_MS = 50;
/** Longest message with what was typed. */
const MESSAGE_BYTES = 64 * 1024;
const NORMAL = 1000;
const POLICY = 1008;

export interface Listener {
  /** Draw this, and say when it is done. */
  show(bytes: Uint8Array, drawn: () => void): void;
  /** Another connection than before begins: what was drawn is drawn anew. */
  began(): void;
  /** What is typed does not arrive: it is being reconnected, or nothing answers. */
  broken(how: "no" | "reconnecting" | "silent"): void;
  ended(): void;
  /** Whether what was searched for was shown. */
  found(found: boolean): void;
  size(): { columns: number; rows: number };
}

export class TerminalSocket {
  readonly #address: string;
  readonly #listener: Listener;
  #socket: WebSocket | undefined;
  #retryMs = RETRY_FIRST_MS;
  #retry: number | undefined;
  #warning: number | undefined;
  #drawn = 0;
  #report: number | undefined;
  #closed = false;
  /** Nothing answers, so nothing is sent. */
  #silent = false;
  /** Nobody looks at the tab: not connected, and not trying to be. */
  #resting = false;
  readonly #watching = new AbortController();

  constructor(address: string, listener: Listener) {
    this.#address = address;
    this.#listener = listener;
    whenUnseen(
      () => this.#rest(),
      () => this.#comeBack(),
      this.#watching.signal,
    );
    this.#connect();
  }

  send(bytes: Uint8Array): void {
    if (this.#socket?.readyState !== WebSocket.OPEN) {
      // Said at once rather than swallowed.
      if (this.#warning !== undefined) this.#listener.broken("reconnecting");
      return;
    }
    if (this.#silent) return;
    for (let from = 0; from < bytes.length; from += MESSAGE_BYTES) {
      this.#socket.send(bytes.slice(from, from + MESSAGE_BYTES));
    }
  }

  resize(columns: number, rows: number): void {
    this.#control({ resize: { columns, rows } });
  }

  search(text: string): void {
    this.#control({ search: text });
  }

  close(): void {
    this.#closed = true;
    this.#watching.abort();
    window.clearTimeout(this.#retry);
    window.clearTimeout(this.#warning);
    window.clearTimeout(this.#report);
    this.#socket?.close();
  }

  #rest(): void {
    this.#resting = true;
    window.clearTimeout(this.#retry);
    window.clearTimeout(this.#warning);
    this.#warning = undefined;
    this.#socket?.close();
  }

  #comeBack(): void {
    this.#resting = false;
    this.#connect();
  }

  #connect(): void {
    const { columns, rows } = this.#listener.size();
    const url = new URL(this.#address, window.location.href);
    url.protocol = "wss:";
    url.search = new URLSearchParams({ columns: String(columns), rows: String(rows), wake: "false" }).toString();
    const socket = new WebSocket(url, ["rolltop.terminal.1"]);
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    this.#silent = false;
    takePulse(socket, {
      answered: () => undefined,
      silent: (silent) => {
        if (this.#socket !== socket) return;
        this.#silent = silent;
        this.#listener.broken(silent ? "silent" : "no");
      },
    });
    socket.addEventListener("open", () => this.#opened());
    socket.addEventListener("message", (message: MessageEvent<ArrayBuffer | string>) => {
      if (typeof message.data === "string") return this.#told(message.data);
      const bytes = new Uint8Array(message.data);
      this.#listener.show(bytes, () => {
        if (this.#socket === socket) this.#count(bytes.length);
      });
    });
    socket.addEventListener("close", (event) => {
      // One that was given up is closed a second time when its farewell has been waited for.
      if (this.#socket === socket) this.#lost(event.code);
    });
  }

  #told(text: string): void {
    const { found } = JSON.parse(text) as { found?: boolean };
    if (found !== undefined) this.#listener.found(found);
  }

  #opened(): void {
    window.clearTimeout(this.#warning);
    this.#warning = undefined;
    this.#retryMs = RETRY_FIRST_MS;
    this.#drawn = 0;
    this.#listener.broken("no");
    this.#listener.began();
  }

  #lost(code: number): void {
    this.#socket = undefined;
    if (this.#closed || this.#resting) return;
    if (code === NORMAL) {
      this.close();
      this.#listener.ended();
      return;
    }
    if (code === POLICY) {
      void fetch("/v1/me", { cache: "no-store" })
        .then((answer) => {
          if (answer.status === 401) window.location.assign("/sign-in");
        })
        .catch(() => undefined);
    }
    this.#warning ??= window.setTimeout(() => this.#listener.broken("reconnecting"), SILENT_MS);
    this.#retry = window.setTimeout(() => this.#connect(), this.#retryMs);
    this.#retryMs = Math.min(this.#retryMs * 2, RETRY_MOST_MS);
  }

  #count(bytes: number): void {
    this.#drawn += bytes;
    if (this.#drawn >= REPORT_BYTES) this.#tell();
    else this.#report ??= window.setTimeout(() => this.#tell(), REPORT_MS);
  }

  #tell(): void {
    window.clearTimeout(this.#report);
    this.#report = undefined;
    if (this.#drawn > 0) this.#control({ drawn: this.#drawn });
    this.#drawn = 0;
  }

  #control(message: object): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }
}
