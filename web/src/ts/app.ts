// The script of every page: htmx for actions, the event stream that keeps pages true,
// dialogs, menus, the palette, toasts, thumbnails, times, preferences.
import "htmx.org";
import "basecoat-css/basecoat";
import "basecoat-css/dropdown-menu";
import "basecoat-css/command";
import "basecoat-css/tabs";

import { startConnection } from "./connection";
import { startCopying } from "./copy";
import { startDialogs } from "./dialogs";
import { startDrops } from "./drops";
import { forgetDrafts } from "./files-drafts";
import { forgetFrames } from "./frames";
import { startImports } from "./import";
import { startLive } from "./live";
import { startPalette } from "./palette";
import { startPanel } from "./panel";
import { startPickAll } from "./pick-all";
import { startPorts } from "./ports";
import { startPreferences } from "./preferences";
import { startThumbnails } from "./thumbnails";
import { startTimes } from "./times";
import { startToasts } from "./toasts";

document.addEventListener("DOMContentLoaded", () => {
  startConnection();
  startPreferences();
  startPanel();
  startDialogs();
  startCopying();
  startDrops();
  startPalette();
  startToasts();
  startThumbnails();
  startPorts();
  startPickAll();
  startTimes();
  startImports();
  startLive();
  if (document.body.dataset.signedOut !== undefined) {
    void forgetFrames();
    forgetDrafts();
  }
});
