// What a desktop uses, drawn with uPlot: the latest hour as it goes on, a day, or thirty days. Loaded once
// its tab is seen; asks again only while it can be seen.
import uPlot from "uplot";

import type { Usage, UsagePoint } from "../../generated/v1";

interface Words {
  units: string[];
  percent: string;
  second: string;
  most: string;
  none: string;
}
type Field = Exclude<keyof UsagePoint, "at">;

/** Each chart's lines; the second is drawn in the quiet colour. */
const CHARTS: Record<string, Field[]> = {
  processors: ["processor_percent"],
  memory: ["memory_bytes"],
  disk: ["disk_bytes"],
  network: ["received_bytes_per_second", "sent_bytes_per_second"],
};
const HEIGHT = 72;
/** Half of a label, about. */
const EDGE = 18;
const EVERY_MS: Record<string, number> = { hour: 10_000, day: 300_000, month: 300_000 };

class UsageCharts extends HTMLElement {
  #span = "hour";
  #plots = new Map<string, uPlot>();
  #timer = 0;
  #asked = 0;
  #words: Words | undefined;
  #shown: Usage | undefined;
  #sizes = new ResizeObserver(() => this.#fit());
  #colours = new MutationObserver(() => this.#shown && this.#draw(this.#shown, true));

  connectedCallback(): void {
    this.#words = JSON.parse(this.dataset.words ?? "{}") as Words;
    this.addEventListener("click", this.#choose);
    this.#sizes.observe(this);
    this.#colours.observe(document.documentElement, { attributeFilter: ["class"] });
    void this.#load();
  }

  disconnectedCallback(): void {
    window.clearTimeout(this.#timer);
    this.removeEventListener("click", this.#choose);
    this.#sizes.disconnect();
    this.#colours.disconnect();
    for (const plot of this.#plots.values()) plot.destroy();
    this.#plots.clear();
  }

  #choose = (event: Event): void => {
    const button = (event.target as HTMLElement).closest<HTMLElement>("[data-span]");
    if (!button) return;
    this.#span = button.dataset.span ?? "hour";
    for (const other of this.querySelectorAll("[data-span]")) other.ariaPressed = String(other === button);
    void this.#load();
  };

  async #load(): Promise<void> {
    window.clearTimeout(this.#timer);
    this.#asked += 1;
    const asked = this.#asked;
    const visible = this.clientHeight > 0 && !document.hidden;
    try {
      if (visible) {
        const answer = await fetch(`${this.dataset.address ?? ""}?span=${this.#span}`, { cache: "no-store" });
        // Another span was chosen meanwhile.
        if (asked !== this.#asked) return;
        if (answer.ok) this.#draw((await answer.json()) as Usage);
      }
    } catch {
      // The page says when the server is away; what was drawn stays until then.
    }
    if (asked !== this.#asked || !this.isConnected) return;
    this.#timer = window.setTimeout(() => void this.#load(), visible ? EVERY_MS[this.#span] : 1000);
  }

  #draw(usage: Usage, anew = false): void {
    this.#shown = usage;
    const times = usage.points.map((point) => Date.parse(point.at) / 1000);
    const gap = usage.every_seconds * 3;
    for (const [name, fields] of Object.entries(CHARTS)) {
      const figure = this.querySelector<HTMLElement>(`[data-chart="${name}"]`);
      const place = figure?.querySelector<HTMLElement>("div");
      if (!figure || !place) continue;
      const values = fields.map((field) => usage.points.map((point) => point[field]));
      const data = withGaps(times, values, gap);
      const range = { min: Date.parse(usage.since) / 1000, max: Date.parse(usage.until) / 1000 };
      if (anew) this.#plots.get(name)?.destroy();
      if (anew || !this.#plots.has(name)) this.#plots.set(name, this.#plot(place, fields.length));
      const plot = this.#plots.get(name);
      plot?.batch(() => {
        plot.setData(data, false);
        plot.setScale("x", range);
        const most = Math.max(1, ...values.flat());
        plot.setScale("y", { min: 0, max: name === "processors" ? Math.max(100, most) : most * 1.1 });
      });
      this.#say(figure, fields, values);
    }
  }

  /** What the picture shows, in words: now, and at most. */
  #say(figure: HTMLElement, fields: Field[], values: number[][]): void {
    const words = this.#words;
    if (!words) return;
    const texts = fields.map((field, index) => {
      const of = values[index] ?? [];
      const latest = of.at(-1);
      if (latest === undefined) return words.none;
      return words.most
        .replace("%now%", amount(words, field, latest))
        .replace("%most%", amount(words, field, Math.max(...of)));
    });
    figure.querySelectorAll("output").forEach((output, index) => (output.textContent = texts[index] ?? ""));
  }

  #plot(place: HTMLElement, lines: number): uPlot {
    const style = getComputedStyle(this);
    const colour = (name: string) => style.getPropertyValue(name).trim();
    const stroke = [colour("--primary-edge"), colour("--state-booting")];
    return new uPlot(
      {
        width: Math.max(1, place.clientWidth),
        height: HEIGHT,
        padding: [4, 0, 0, 0],
        cursor: { show: false },
        legend: { show: false },
        scales: { x: { auto: false }, y: { auto: false } },
        axes: [
          {
            show: true,
            size: 22,
            stroke: colour("--muted-foreground"),
            font: `11px ${style.fontFamily}`,
            grid: { stroke: colour("--border"), width: 1 },
            ticks: { show: false },
            values: clock,
          },
          { show: false },
        ],
        series: [
          {},
          ...stroke.slice(0, lines).map((line, index) => ({
            stroke: line,
            width: 1.5,
            points: { show: false },
            spanGaps: false,
            ...(index === 0 && { fill: `color-mix(in oklab, ${line} 16%, transparent)` }),
          })),
        ],
      },
      [[], ...Array.from({ length: lines }, () => [])],
      place,
    );
  }

  #fit(): void {
    for (const plot of this.#plots.values()) {
      const width = plot.root.parentElement?.clientWidth ?? 0;
      if (width > 0 && width !== plot.width) plot.setSize({ width, height: HEIGHT });
    }
  }
}

/** Nothing is drawn between two points that are further apart than `most` seconds. */
function withGaps(times: number[], values: number[][], most: number): uPlot.AlignedData {
  const at: number[] = [];
  const drawn: (number | null)[][] = values.map(() => []);
  times.forEach((time, index) => {
    const before = times[index - 1];
    if (before !== undefined && time - before > most) {
      at.push(before + most / 2);
      for (const line of drawn) line.push(null);
    }
    at.push(time);
    values.forEach((line, of) => drawn[of]?.push(line[index] ?? null));
  });
  return [at, ...drawn];
}

/** Times of day within a day, days beyond that; none where it would be cut off. */
function clock(plot: uPlot, splits: number[], _axis: number, _space: number, step: number): string[] {
  const form: Intl.DateTimeFormatOptions =
    step >= 86_400 ? { day: "numeric", month: "short" } : { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  const format = new Intl.DateTimeFormat(document.documentElement.lang, form);
  return splits.map((split) => {
    const at = plot.valToPos(split, "x");
    return at < EDGE || at > plot.width - EDGE ? "" : format.format(split * 1000);
  });
}

function amount(words: Words, field: Field, value: number): string {
  if (field === "processor_percent") return words.percent.replace("%value%", String(value));
  let unit = 0;
  while (value >= 1024 && unit + 1 < words.units.length) {
    value /= 1024;
    unit += 1;
  }
  const digits = unit > 0 && value < 10 ? 1 : 0;
  const number = new Intl.NumberFormat(document.documentElement.lang, { maximumFractionDigits: digits }).format(value);
  const text = `${number}\u00a0${words.units[unit] ?? ""}`;
  return field.endsWith("_per_second") ? words.second.replace("%value%", text) : text;
}

customElements.define("rolltop-usage", UsageCharts);
