// Listeners, each with what it does at its end.

type Events = HTMLElementEventMap & DocumentEventMap & WindowEventMap;

/** Hears each event of this kind, where there is something to listen to. */
export function on<K extends keyof Events>(
  target: EventTarget | null | undefined,
  kind: K,
  options: AddEventListenerOptions,
  hear: (event: Events[K]) => void,
): void {
  target?.addEventListener(kind, hear as EventListener, options);
}

/** Hears each click on what the selector means, wherever on the page that is. */
export function onClick(selector: string, hear: (element: HTMLElement) => void): void {
  document.addEventListener("click", (event) => {
    const element = (event.target as Element).closest<HTMLElement>(selector);
    if (element) hear(element);
  });
}
