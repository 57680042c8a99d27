// Runs before the first paint, so that a page never flashes in the wrong colours. The
// choice lives in this browser only.
import { applyTheme, watchSystem } from "./theme-choice";

applyTheme();
watchSystem();
