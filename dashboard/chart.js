// SPDX-License-Identifier: Apache-2.0
// A small line chart of the last readings. What was not measured is a gap in the line.
import {el, setText, svg} from './dom.js';

const POINTS = 120;
const WIDTH = 240;
const HEIGHT = 64;

/** A line through the readings; those between two gaps are dots: lines of no length, with round ends. */
export function pathOf(values, top, points = POINTS) {
  let line = '';
  let dots = '';
  let pen = false;
  values.forEach((value, i) => {
    if (value === null) {
      pen = false;
      return;
    }
    const x = ((i + points - values.length) * WIDTH) / (points - 1);
    const y = HEIGHT - 2 - (value / top) * (HEIGHT - 6);
    const place = `${x.toFixed(1)} ${y.toFixed(1)}`;
    if (!pen && (values[i + 1] ?? null) === null) dots += `M${place}h0.1`;
    else line += `${pen ? 'L' : 'M'}${place}`;
    pen = true;
  });
  return {line, dots};
}

export class Chart {
  /** format(value) tells a value with its unit; `series` names the lines, two at most. */
  constructor({title, note, series, format}) {
    this.title = title;
    this.format = format;
    this.values = series.map(() => []);
    this.paths = series.map((_, i) => svg('path', {class: `line line-${i}`, 'vector-effect': 'non-scaling-stroke'}));
    this.dots = series.map((_, i) => svg('path', {class: `line dot line-${i}`, 'vector-effect': 'non-scaling-stroke'}));
    this.now = series.map(() => el('b', {}, '–'));
    this.most = el('span', {class: 'most'});
    this.aside = el('p', {class: 'soft aside'}, note);
    this.note = note;
    this.picture = svg('svg', {viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', role: 'img'}, svg('path', {class: 'base', d: `M0 ${HEIGHT - 1}H${WIDTH}`}), ...this.paths, ...this.dots);
    const values = series.map((name, i) => el('span', {class: `value value-${i}`}, this.now[i], name ? el('small', {}, ` ${name}`) : null));
    this.element = el('div', {class: 'card chart'}, el('div', {class: 'title'}, el('h3', {}, title), this.most), el('div', {class: 'values'}, values), el('div', {class: 'picture'}, this.picture), this.aside);
    this.series = series;
  }

  /** One value a series; null: not measured. `aside` replaces the note under the chart. */
  add(values, aside) {
    values.forEach((value, i) => {
      this.values[i].push(Number.isFinite(value) ? value : null);
      if (this.values[i].length > POINTS) this.values[i].shift();
    });
    const known = this.values.flat().filter((value) => value !== null);
    const top = Math.max(...known, 0);
    this.values.forEach((readings, i) => {
      const {line, dots} = pathOf(readings, top || 1);
      this.paths[i].setAttribute('d', line);
      this.dots[i].setAttribute('d', dots);
    });
    values.forEach((value, i) => setText(this.now[i], Number.isFinite(value) ? this.format(value) : '–'));
    setText(this.most, known.length > 0 && top > 0 ? `most ${this.format(top)}` : '');
    setText(this.aside, aside ?? this.note);
    const spoken = this.series.map((name, i) => `${name ? `${name}: ` : ''}${Number.isFinite(values[i]) ? this.format(values[i]) : 'not measured'}`);
    this.picture.setAttribute('aria-label', `${this.title}, the last ${POINTS} readings. Now ${spoken.join(', ')}. Most ${known.length > 0 ? this.format(top) : 'not known'}.`);
  }
}
