// SPDX-License-Identifier: Apache-2.0
// What an image classifier sees in a picture. Shown as soon as models.list names a model of the task.
import {el} from './dom.js';
import {clipped} from './format.js';
import {PicturePanel} from './picture_panel.js';

const TOP = 5;

function findingRow(finding) {
  const fill = el('span', {class: 'fill'});
  const share = Math.min(1, Math.max(0, Number(finding.score) || 0));
  fill.style.inlineSize = `${share * 100}%`;
  const score = Number.isFinite(finding.score) ? finding.score.toFixed(3) : '–';
  return el('li', {class: 'finding'}, el('span', {}, clipped(finding.label ?? '', 80)), el('span', {class: 'number'}, score), el('span', {class: 'meter', 'aria-hidden': 'true'}, fill));
}

export const classify = {
  id: 'classify',
  title: 'Classify an image',
  task: 'image-classification',
  always: false,
  make: (api) => new PicturePanel(api, {id: 'classify', action: 'Classify', params: {top_k: TOP}, row: findingRow}),
};
