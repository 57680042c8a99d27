// The few sentences that scripts need. The server puts them on <body> as data-words, from
// the same message files as everything else, so no sentence is written here.

let words: Record<string, string> | undefined;

export function word(key: string): string {
  words ??= JSON.parse(document.body.dataset.words ?? "{}") as Record<string, string>;
  return words[key] ?? "";
}
