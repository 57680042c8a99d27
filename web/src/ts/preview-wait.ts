// On a page that says why a preview shows nothing yet: asks again and again, and loads the preview
// once it is there. Its own document, so that whoever looks at the page does nothing.
const PAUSE = 2000;

async function isThere(): Promise<boolean> {
  try {
    const answer = await fetch("/.rolltop/ready", { cache: "no-store" });
    // Nobody's pass any more: loading the page anew leads to another.
    return answer.status === 204 || answer.status === 401;
  } catch {
    return false;
  }
}

async function wait(): Promise<void> {
  if (!document.hidden && (await isThere())) {
    location.reload();
    return;
  }
  setTimeout(() => void wait(), PAUSE);
}

setTimeout(() => void wait(), PAUSE);
