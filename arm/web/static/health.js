// @ts-check
/** The banner: is it healthy, and if not, why and what to do. */

import { byId, fieldOf, fill, reconcile, setAttribute, setText } from "./dom.js";
import { clock, duration, familyTitle } from "./format.js";

/** @typedef {import("./api.js").Status} Status */

const VERDICTS = { ok: "Healthy", warning: "Needs attention", critical: "Service affected" };
const NAME = "Active Route Manager";

/**
 * @param {Status} status
 * @param {boolean} current false: this is the last that was heard, and a good word would be a guess
 */
export function showHealth(status, current) {
  const verdict = VERDICTS[status.health];
  setAttribute(byId("health"), "data-health", current ? status.health : "unknown");
  setText(byId("verdict"), current ? verdict : `Unknown. Last seen: ${verdict.toLowerCase()}`);
  document.title = `${current ? verdict : "Unknown"} – ${NAME}`;
  const worstFirst = [...status.concerns].sort((a, b) => Number(b.critical) - Number(a.critical));
  reconcile(
    byId("concerns"),
    worstFirst,
    (concern) => `${concern.name} ${concern.family} ${concern.text}`,
    "concern",
    (element, concern) => {
      const where = concern.family ? `${familyTitle(concern.family)}: ` : "";
      setAttribute(element, "data-severity", concern.critical ? "critical" : "warning");
      fill(element, {
        severity: concern.critical ? "Critical" : "Warning",
        text: where + concern.text,
        remedy: concern.remedy,
        since: `for ${duration(status.time - concern.since)}`,
      });
      setAttribute(fieldOf(element, "since"), "title", `since ${clock(concern.since)}`);
    },
  );
}
