// SPDX-License-Identifier: Apache-2.0
// Numbers and names as people read them. What is not known is said in words, never as a number.

export const UNKNOWN = 'not known';

export function bytes(value) {
  if (!Number.isFinite(value) || value < 0) return UNKNOWN;
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    ++unit;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

export function seconds(value) {
  if (!Number.isFinite(value) || value < 0) return UNKNOWN;
  if (value < 0.001) return `${Math.round(value * 1e6)} µs`;
  if (value < 1) return `${number(value * 1000)} ms`;
  return `${number(value)} s`;
}

/** At most three digits that say something. */
export function number(value) {
  if (!Number.isFinite(value)) return UNKNOWN;
  const size = Math.abs(value);
  if (size >= 100 || Number.isInteger(value)) return Math.round(value).toLocaleString('en');
  return value.toFixed(size >= 10 ? 1 : 2);
}

/** The two ends of a CID, which differ. */
export function shortCid(cid) {
  const text = String(cid);
  return text.length <= 20 ? text : `${text.slice(0, 9)}…${text.slice(-6)}`;
}

/** A text of somebody else's, cut to a length that a table bears. */
export function clipped(text, length = 120) {
  const letters = [...String(text ?? '')];
  return letters.length <= length ? letters.join('') : `${letters.slice(0, length - 1).join('')}…`;
}
