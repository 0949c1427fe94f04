// SPDX-License-Identifier: Apache-2.0
// Reads the text of /metrics (Prometheus, version 0.0.4) and tells what happened between two readings. Pure functions.

const LINE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? ([-+]?(?:\d[\d.eE+-]*|Inf|NaN))(?: |$)/;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"/g;
const MAX_LINES = 20000;

function numberOf(text) {
  if (text === '+Inf') return Infinity;
  if (text === '-Inf') return -Infinity;
  return text === 'NaN' ? NaN : Number(text);
}

function labelsOf(text) {
  const labels = new Map();
  for (const [, name, value] of text.matchAll(LABEL)) {
    labels.set(name, value.replace(/\\(.)/g, (_, letter) => (letter === 'n' ? '\n' : letter)));
  }
  return labels;
}

/** Map of name to rows of {labels: Map, value}. What is no line of a metric is left out. */
export function parseMetrics(text) {
  const metrics = new Map();
  for (const line of text.split('\n', MAX_LINES)) {
    const match = line.startsWith('#') ? null : LINE.exec(line);
    if (!match) continue;
    const row = {labels: labelsOf(match[2] ?? ''), value: numberOf(match[3])};
    const rows = metrics.get(match[1]);
    if (rows) rows.push(row);
    else metrics.set(match[1], [row]);
  }
  return metrics;
}

/** The sum over the rows that `accepts` takes; null when there is none. */
export function total(metrics, name, accepts = () => true) {
  const rows = (metrics.get(name) ?? []).filter((row) => accepts(row.labels));
  return rows.length === 0 ? null : rows.reduce((sum, row) => sum + row.value, 0);
}

/** How much a counter grew; null when it is not known. One that is smaller was started anew. */
export function growth(before, now, name, accepts) {
  const end = total(now, name, accepts);
  if (end === null || !before) return null;
  const start = total(before, name, accepts) ?? 0;
  return end >= start ? end - start : end;
}

/** Of a histogram, between two readings: how many, their mean, and a bound that 95 % are within (a bucket's, not a guess between). */
export function spread(before, now, name, accepts) {
  const count = growth(before, now, `${name}_count`, accepts);
  if (!count) return {count: count ?? 0, mean: null, within95: null};
  const sum = growth(before, now, `${name}_sum`, accepts);
  const bounds = [...new Set((now.get(`${name}_bucket`) ?? []).map((row) => row.labels.get('le')))];
  const ascending = bounds.map((text) => [numberOf(text ?? ''), text]).sort((a, b) => a[0] - b[0]);
  const grown = (bound) => growth(before, now, `${name}_bucket`, (labels) => labels.get('le') === bound && (!accepts || accepts(labels)));
  const within = ascending.find(([, text]) => grown(text) >= 0.95 * count);
  return {count, mean: sum / count, within95: within ? within[0] : null};
}
