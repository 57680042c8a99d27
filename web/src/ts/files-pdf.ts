// The pages of a PDF file, drawn by pdf.js: the file is read by a worker and painted on canvases, so
// nothing in it becomes a document, a link or a script here. Loaded when a PDF is looked into.
import { getDocument, GlobalWorkerOptions, type PDFDocumentProxy } from "pdfjs-dist/legacy/build/pdf.mjs";

/** Pages beyond these are not shown; the file can be downloaded whole. */
const MOST_PAGES = 500;
/** A page that a file makes absurdly large is drawn smaller, pixels. */
const MOST_PIXELS = 16 << 20;

/** Draws the pages into `place`, each once it comes into view. Resolves to what ends it all. */
export async function showPdf(
  place: HTMLElement,
  bytes: ArrayBuffer,
  worker: string,
  label: (page: number) => string,
): Promise<() => void> {
  GlobalWorkerOptions.workerSrc = worker;
  const loading = getDocument({ data: bytes, enableXfa: false, stopAtErrors: false, useSystemFonts: true });
  const file = await loading.promise;
  const seen = new IntersectionObserver(
    (changes) => {
      for (const change of changes) {
        if (!change.isIntersecting) continue;
        seen.unobserve(change.target);
        void draw(file, change.target as HTMLCanvasElement).catch(() => undefined);
      }
    },
    { root: place, rootMargin: "50%" },
  );
  for (let page = 1; page <= Math.min(file.numPages, MOST_PAGES); page++) {
    const canvas = document.createElement("canvas");
    canvas.dataset.page = String(page);
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", label(page));
    place.append(canvas);
    seen.observe(canvas);
  }
  return () => {
    seen.disconnect();
    place.replaceChildren();
    void loading.destroy();
  };
}

async function draw(file: PDFDocumentProxy, canvas: HTMLCanvasElement): Promise<void> {
  const page = await file.getPage(Number(canvas.dataset.page));
  const natural = page.getViewport({ scale: 1 });
  const wanted = (canvas.clientWidth * window.devicePixelRatio) / natural.width;
  const most = Math.sqrt(MOST_PIXELS / (natural.width * natural.height));
  const viewport = page.getViewport({ scale: Math.min(wanted, most) });
  canvas.width = Math.ceil(viewport.width);
  canvas.height = Math.ceil(viewport.height);
  canvas.dataset.drawn = "";
  await page.render({ canvas, viewport }).promise;
}
