// Texts that were not saved when their page was left.

/** A text that was not saved when its page was left. It stays in this tab only. */
export interface Draft {
  path: string;
  name: string;
  text: string;
  tag: string;
}

export const DRAFT = "rolltop-draft-";

/** What somebody who is not signed in any more has left. */
export function forgetDrafts(): void {
  for (const key of Object.keys(sessionStorage)) if (key.startsWith(DRAFT)) sessionStorage.removeItem(key);
}
