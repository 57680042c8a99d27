// What was last seen of each desktop, kept in this browser so that a stopped desktop still
// shows its face. Forgotten on signing out.

const STORE = "rolltop-frames";

function key(desktop: string): string {
  return `/frames/${desktop}`;
}

export async function keepFrame(desktop: string, picture: Blob): Promise<void> {
  try {
    const store = await caches.open(STORE);
    await store.put(key(desktop), new Response(picture));
  } catch {
    // No storage, no last frame.
  }
}

async function lastFrame(desktop: string): Promise<Blob | undefined> {
  try {
    const store = await caches.open(STORE);
    const answer = await store.match(key(desktop));
    return await answer?.blob();
  } catch {
    return undefined;
  }
}

export async function forgetFrames(): Promise<void> {
  await caches?.delete(STORE).catch(() => false);
}

async function show(image: HTMLImageElement): Promise<void> {
  const desktop = image.dataset.frameOf;
  if (!desktop || image.dataset.shown !== undefined) return;
  const picture = await lastFrame(desktop);
  if (!picture) return;
  image.src = URL.createObjectURL(picture);
  image.dataset.shown = "";
}

/** Fills every place on the page that waits for a last frame. */
export function showFrames(): void {
  for (const image of document.querySelectorAll<HTMLImageElement>("img[data-frame-of]")) void show(image);
}
