// Live pictures on the list: each is fetched again every few seconds while it can be seen,
// and swapped only once it has arrived, so that nothing flickers. Where a picture can't be
// had, the last one stays.
import { keepFrame, showFrames } from "./frames";

const EVERY_MS = 4000;
const visible = new Set<HTMLImageElement>();
const known = new WeakSet<HTMLImageElement>();
const busy = new WeakSet<HTMLImageElement>();

const watcher = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    const image = entry.target as HTMLImageElement;
    if (entry.isIntersecting) {
      visible.add(image);
      void update(image);
    } else {
      visible.delete(image);
    }
  }
});

async function update(image: HTMLImageElement): Promise<void> {
  const address = image.dataset.thumbnail;
  if (!address || busy.has(image)) return;
  busy.add(image);
  try {
    const answer = await fetch(address, { cache: "no-store" });
    if (!answer.ok) return;
    const picture = await answer.blob();
    const url = URL.createObjectURL(picture);
    const loader = new Image();
    loader.src = url;
    await loader.decode();
    const old = image.src;
    image.src = url;
    image.dataset.shown = "";
    void keepFrame(image.dataset.frame ?? "", picture);
    if (old.startsWith("blob:")) URL.revokeObjectURL(old);
  } catch {
    // No picture this time; there is another try in a few seconds.
  } finally {
    busy.delete(image);
  }
}

function find(): void {
  showFrames();
  for (const image of document.querySelectorAll<HTMLImageElement>("img[data-thumbnail]")) {
    if (!known.has(image)) {
      known.add(image);
      watcher.observe(image);
    }
  }
}

export function startThumbnails(): void {
  find();
  document.addEventListener("htmx:after:settle", find);
  window.setInterval(() => {
    if (document.hidden) return;
    for (const image of visible) {
      if (image.isConnected) void update(image);
      else {
        visible.delete(image);
        watcher.unobserve(image);
        if (image.src.startsWith("blob:")) URL.revokeObjectURL(image.src);
      }
    }
  }, EVERY_MS);
}
