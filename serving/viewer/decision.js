// What a record says at a budget of false alarms: here alone it is settled what the officer reads.

/** Everything that alarms has a p-value of at most the budget. */
export const alarms = (one, pfa) => one.p_value !== null && one.p_value <= pfa;

/** {kind, word, why}; kind: alarm, unseen, none or clear. What can't be seen through is never clear, nor is nothing. */
export function verdict(record, pfa) {
  if (alarms(record, pfa)) return { kind: "alarm", word: "ALARM", why: "" };
  if (isHidden(record)) return { kind: "unseen", word: "not seen through", why: record.seen?.why || "" };
  if (record.p_value === null) return { kind: "none", word: "no decision", why: undecided(record) };
  return { kind: "clear", word: "clear", why: "" };
}

/** Too much of the load is opaque, or something shields it; an alarm that a lower budget takes back leaves that. */
function isHidden({ not_seen_through: said, seen, blank }) {
  if (said) return true;
  return !blank && Boolean(seen) && (seen.unseen > seen.limit || seen.shields.length > 0);
}

const undecided = (record) => (record.blank ? `shows nothing: ${record.blank}` : "the model carries no calibration");
