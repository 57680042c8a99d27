// Whether the other end of a WebSocket still answers, and how long that takes: a network that has
// gone away without a word looks like one on which nothing happens.

/** How often is looked, and asked, milliseconds. */
const TICK_MS = 500;
const ASK_MS = 1500;
/** Silence for this long after a question is no answer. With what lies between two questions, five seconds. */
const PATIENCE_MS = 2500;
/** After this long another connection is tried. */
const GIVE_UP_MS = 12_000;

export interface Beat {
  /** How long an answer took, milliseconds, and what else came meanwhile, bytes. */
  answered(milliseconds: number, bytes: number): void;
  /** Nothing comes any more, or something does again. */
  silent(silent: boolean): void;
}

/** Looks after one socket until that closes. Its other end says `{"pong": n}` to `{"ping": n}`. */
export function takePulse(socket: WebSocket, beat: Beat): void {
  let number = 0;
  let asked: number | undefined;
  let heard = 0;
  let bytes = 0;
  let asking = 0;
  let looked = performance.now();
  let silent = false;
  const say = (now: boolean) => {
    if (silent === now) return;
    silent = now;
    beat.silent(now);
  };
  socket.addEventListener("message", (message: MessageEvent<unknown>) => {
    heard = performance.now();
    if (silent) say(false);
    if (message.data instanceof ArrayBuffer) bytes += message.data.byteLength;
    if (typeof message.data !== "string" || !message.data.startsWith('{"pong":')) return;
    // Whoever draws what comes knows nothing of this.
    message.stopImmediatePropagation();
    if (asked === undefined || message.data !== JSON.stringify({ pong: number })) return;
    beat.answered(heard - asked, bytes);
    asked = undefined;
  });
  const timer = window.setInterval(() => {
    const now = performance.now();
    // Whoever slept, or was out of sight, does not know what has come meanwhile.
    if (document.hidden || now - looked > 4 * TICK_MS) asked = undefined;
    looked = now;
    if (socket.readyState !== WebSocket.OPEN || document.hidden) return;
    if (asked === undefined) {
      if (now < asking) return;
      number += 1;
      [asked, asking, bytes] = [now, now + ASK_MS, 0];
      socket.send(JSON.stringify({ ping: number }));
      return;
    }
    const quiet = now - Math.max(asked, heard);
    if (quiet > PATIENCE_MS) say(true);
    if (quiet > GIVE_UP_MS) {
      // Its farewell would not arrive either, so it is told as closed at once.
      socket.dispatchEvent(new CloseEvent("close", { code: 1006 }));
      socket.close();
    }
  }, TICK_MS);
  socket.addEventListener("close", () => window.clearInterval(timer), { once: true });
}
