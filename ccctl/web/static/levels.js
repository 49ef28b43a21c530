// When is a figure good, near its limit, or bad? Pure: numbers in, level and words out.

export const LEVELS = ["good", "warn", "bad"];

export function worst(...levels) {
  return levels.reduce((a, b) => (LEVELS.indexOf(b) > LEVELS.indexOf(a) ? b : a), "good");
}

// The longest wait against the queue's own promise (answer within sl_ms): half of it is a warning.
export function waitLevel(waitMs, targetMs) {
  if (waitMs === null) return "good";
  if (waitMs >= targetMs) return "bad";
  return waitMs >= targetMs / 2 ? "warn" : "good";
}

// Service level: on target is good, up to ten points below is a warning. No calls yet is no news.
export function serviceLevel(percent, target) {
  if (percent === null || percent >= target) return "good";
  return percent >= target - 10 ? "warn" : "bad";
}

// Callers and nobody to take them: bad when nobody is logged in, a warning when nobody is free.
export function staffLevel(waiting, agents) {
  const present = Object.entries(agents).reduce((sum, [state, n]) => (state === "offline" ? sum : sum + n), 0);
  if (waiting > 0 && present === 0) return "bad";
  return waiting > 0 && agents.ready === 0 ? "warn" : "good";
}

export function stateWords(levels, waiting) {
  if (levels.staff === "bad") return "■ no agents";
  if (levels.oldest === "bad") return "■ over target";
  if (levels.sl === "bad") return "■ service level low";
  if (levels.oldest === "warn") return "▲ near target";
  if (levels.sl === "warn") return "▲ below target";
  if (levels.staff === "warn") return "▲ all busy";
  return waiting > 0 ? "● on target" : "● nobody waiting";
}

// 0:07, 12:34, 61:05; from 100 minutes on hours: 1 h 40
export function span(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const minutes = Math.floor(seconds / 60);
  if (minutes >= 100) return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")}`;
  return `${minutes}:${String(seconds % 60).padStart(2, "0")}`;
}

export function seconds(ms) {
  return ms % 1000 === 0 ? `${ms / 1000} s` : `${(ms / 1000).toFixed(1)} s`;
}
