// How much the picture of the screen is pressed together: as somebody chose, or as the line bears it.

export type Level = "light" | "balanced" | "sharp";
export type Quality = "auto" | Level;

/** JPEG quality and effort of compression, as noVNC counts them. */
export const SETTINGS: Record<Level, { quality: number; compression: number }> = {
  sharp: { quality: 9, compression: 1 },
  balanced: { quality: 6, compression: 2 },
  light: { quality: 2, compression: 6 },
};

/** An answer came so much later than it could, milliseconds … */
const WAITED_MS = 200;
/** … behind so much picture, bytes: the line is full. */
const FULL_BYTES = 32 * 1024;
/** An answer that waited no longer than this met a free line, milliseconds. */
const FREE_MS = 50;
/** What a line is taken to need while no answer has shown it, milliseconds. */
const UNKNOWN_MS = 400;
/** Better is tried so long after the line was full; each time that was too early, twice as long. Milliseconds. */
const HOLD_FIRST_MS = 10_000;
const HOLD_MOST_MS = 320_000;

/**
 * Chooses by how long answers wait behind the picture, on a connection where both come in turn. Never the best: that
 * has twice the bytes and half the pictures a second even where the line is free, since packing and drawing cost, too.
 */
export class AutoQuality {
  #level: Level = "balanced";
  /** The quickest answer of late, milliseconds. */
  #least = Infinity;
  #hold = HOLD_FIRST_MS;
  #fullAt = -Infinity;
  #betterAt = -Infinity;
  /** The level is new: the next answer still waits behind what was sent before. */
  #isNew = false;

  get level(): Level {
    return this.#level;
  }

  /** Another connection, perhaps over another line: how quick that is has to be seen. */
  connected(): void {
    this.#least = Infinity;
  }

  /** An answer took `milliseconds`, while `bytes` of picture came; `now` is when. */
  answered(milliseconds: number, bytes: number, now: number): void {
    // Only an answer behind little of the picture tells how quick the line is. Lines change: that is slowly forgotten.
    const known = bytes <= FULL_BYTES ? this.#least + 1 : this.#least === Infinity ? UNKNOWN_MS : this.#least;
    this.#least = Math.min(milliseconds, known);
    const waited = milliseconds - this.#least;
    if (this.#isNew) {
      this.#isNew = false;
    } else if (waited > WAITED_MS && bytes > FULL_BYTES) {
      this.#fullAt = now;
      if (this.#level === "light") return;
      const lasted = now - this.#betterAt;
      if (lasted < this.#hold) this.#hold = Math.min(this.#hold * 2, HOLD_MOST_MS);
      else if (lasted > 4 * this.#hold) this.#hold = HOLD_FIRST_MS;
      [this.#level, this.#isNew] = ["light", true];
    } else if (this.#level === "light" && waited < FREE_MS && now - this.#fullAt > this.#hold) {
      [this.#level, this.#betterAt] = ["balanced", now];
    }
  }
}
