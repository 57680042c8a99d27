// Relative times, and those of the clock of whoever looks, that stay true while a page is open, and clocks that run. The server
// writes the absolute time into the title and a first relative text.

const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["year", 31_536_000],
  ["month", 2_592_000],
  ["week", 604_800],
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
];

function relative(then: number, format: Intl.RelativeTimeFormat): string {
  const seconds = Math.round((then - Date.now()) / 1000);
  for (const [unit, size] of STEPS) {
    if (Math.abs(seconds) >= size) return format.format(Math.trunc(seconds / size), unit);
  }
  return format.format(Math.trunc(seconds / 10) * 10 || 0, "second");
}

/** A time to come as people here write it; without the day where that is today. */
function byTheClock(time: Date, language: string): string {
  const own = navigator.languages.find((known) => known.split("-")[0] === language) ?? language;
  const today = time.toDateString() === new Date().toDateString();
  const day: Intl.DateTimeFormatOptions = today ? {} : { dateStyle: "medium" };
  return new Intl.DateTimeFormat(own, { ...day, timeStyle: "short" }).format(time);
}

function update(): void {
  const language = document.documentElement.lang;
  const format = new Intl.RelativeTimeFormat(language, { numeric: "auto", style: "short" });
  const absolute = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "medium" });
  for (const time of document.querySelectorAll<HTMLTimeElement>("time[data-clock]")) {
    const text = byTheClock(new Date(time.dateTime), language);
    if (time.textContent !== text) time.textContent = text;
  }
  for (const field of document.querySelectorAll<HTMLInputElement>("input[data-own-zone]")) {
    if (field.value === "") field.value = Intl.DateTimeFormat().resolvedOptions().timeZone;
  }
  for (const time of document.querySelectorAll<HTMLTimeElement>("time[data-relative]")) {
    const then = Date.parse(time.dateTime);
    const text = relative(then, format);
    if (time.textContent !== text) time.textContent = text;
    time.title = absolute.format(then);
  }
}

/** One that a script has made, as the server writes them. */
export function showTime(time: HTMLTimeElement): void {
  const [language, then] = [document.documentElement.lang, Date.parse(time.dateTime)];
  time.dataset.relative = "";
  time.textContent = relative(then, new Intl.RelativeTimeFormat(language, { numeric: "auto", style: "short" }));
  time.title = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "medium" }).format(then);
}

function tick(): void {
  for (const clock of document.querySelectorAll<HTMLElement>("[data-since]")) {
    const seconds = Math.max(0, (Date.now() - Date.parse(clock.dataset.since ?? "")) / 1000);
    clock.textContent = `${seconds.toFixed(1)} s`;
  }
}

export function startTimes(): void {
  update();
  tick();
  document.addEventListener("htmx:after:settle", () => {
    update();
    tick();
  });
  window.setInterval(update, 10_000);
  window.setInterval(tick, 100);
}
