// Addresses in a terminal. One that goes over several rows is one address: tmux draws each row by itself, so what
// was wrapped is known only by a row that is full to its end.
import type { IBufferLine, ILink, Terminal } from "@xterm/xterm";

/** Rows that an address may go over. */
const MOST_ROWS = 24;
const ADDRESS = /https?:\/\/[^\s"'<>`{}|\\^\x00-\x20]+/g;
/** What ends a sentence rather than an address. */
const AFTER = /[.,;:!?)\]]+$/;
const LOCAL = /^(localhost|127(\.\d+){3}|0\.0\.0\.0|\[::1?\])$/;

/** The port of the desktop that an address leads to, if it leads into the desktop. */
export function localPort(address: string): number | undefined {
  if (!URL.canParse(address)) return undefined;
  const { hostname, port, protocol } = new URL(address);
  if (!LOCAL.test(hostname)) return undefined;
  return port === "" ? (protocol === "https:" ? 443 : 80) : Number(port);
}

/** Every address in a text, without what follows it in a sentence. */
export function addresses(text: string): { text: string; at: number }[] {
  return [...text.matchAll(ADDRESS)].flatMap((match) => {
    let found = match[0];
    const end = AFTER.exec(found)?.[0] ?? "";
    // A bracket belongs to an address that opened it.
    if (!(end.startsWith(")") && found.includes("(")) && !(end.startsWith("]") && found.includes("[")))
      found = found.slice(0, found.length - end.length);
    return URL.canParse(found) ? [{ text: found, at: match.index }] : [];
  });
}

/** Only the web: nothing that an address in a desktop could otherwise start on the person's own machine. */
export function follow(address: string, open: (address: string) => void): void {
  if (URL.canParse(address) && /^https?:$/.test(new URL(address).protocol)) open(address);
}

export function provideLinks(terminal: Terminal, open: (address: string) => void): void {
  terminal.registerLinkProvider({
    provideLinks(y, give) {
      const { first, cells } = around(terminal, y - 1);
      const text = cells.map(({ letters }) => letters).join("");
      const places = cells.flatMap((cell, index) => Array.from({ length: cell.letters.length }, () => index));
      const links = addresses(text).flatMap(({ text: address, at }): ILink[] => {
        const [start, end] = [cells[places[at] ?? 0], cells[places[at + address.length - 1] ?? 0]];
        if (!start || !end || first + start.row > y - 1 || first + end.row < y - 1) return [];
        const spot = (cell: Cell) => ({ x: cell.column + 1, y: first + cell.row + 1 });
        return [
          { text: address, range: { start: spot(start), end: spot(end) }, activate: () => follow(address, open) },
        ];
      });
      give(links);
    },
  });
}

interface Cell {
  row: number;
  column: number;
  letters: string;
}

/** The cells of the row and of those before and after it that go on without a break. */
function around(terminal: Terminal, row: number): { first: number; cells: Cell[] } {
  const buffer = terminal.buffer.active;
  const goesOn = (at: number) =>
    buffer.getLine(at + 1)?.isWrapped === true || isFull(buffer.getLine(at), terminal.cols);
  let [first, last] = [row, row];
  while (first > 0 && row - first < MOST_ROWS && goesOn(first - 1)) first -= 1;
  while (last - row < MOST_ROWS && last + 1 < buffer.length && goesOn(last)) last += 1;
  const cells: Cell[] = [];
  for (let at = first; at <= last; at += 1) {
    const line = buffer.getLine(at);
    for (let column = 0; column < terminal.cols; column += 1) {
      const cell = line?.getCell(column);
      // The second half of a wide letter is none.
      if (cell && cell.getWidth() > 0) cells.push({ row: at - first, column, letters: cell.getChars() || " " });
    }
  }
  return { first, cells };
}

function isFull(line: IBufferLine | undefined, columns: number): boolean {
  const last = line?.getCell(columns - 1);
  return last !== undefined && (last.getWidth() === 0 || last.getChars().trim() !== "");
}
