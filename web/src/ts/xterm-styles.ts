// xterm.js draws with <style> elements and style attributes, both of which our content security
// policy forbids. The same rules go through the browser's own objects for styles, which it allows:
// what a script of ours may set there is not what the policy is for.

function styleElement(): HTMLElement {
  const element = document.createElementNS("http://www.w3.org/1999/xhtml", "rolltop-rules") as HTMLElement;
  const sheet = new CSSStyleSheet();
  document.adoptedStyleSheets.push(sheet);
  Object.defineProperty(element, "textContent", { set: (rules: string) => sheet.replaceSync(rules) });
  element.remove = () => {
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter((other) => other !== sheet);
    element.parentNode?.removeChild(element);
  };
  return element;
}

/** From now on, scripts' style elements and attributes work. */
export function allowStyles(): void {
  const create = document.createElement.bind(document);
  document.createElement = ((name: string, options?: ElementCreationOptions) =>
    name === "style" ? styleElement() : create(name, options)) as typeof document.createElement;
  const set = HTMLSpanElement.prototype.setAttribute;
  HTMLSpanElement.prototype.setAttribute = function (name: string, value: string): void {
    if (name === "style") this.style.cssText = value;
    else set.call(this, name, value);
  };
}
