// SPDX-License-Identifier: Apache-2.0
// The lines of text in a picture, from top to bottom. Shown as soon as models.list names a model of the task.
import {el} from './dom.js';
import {clipped} from './format.js';
import {PicturePanel} from './picture_panel.js';

function lineRow(line) {
  const score = Number.isFinite(line.score) ? line.score.toFixed(3) : '–';
  return el('li', {class: 'finding'}, el('span', {}, clipped(line.text ?? '', 500)), el('span', {class: 'number'}, score));
}

export const read = {
  id: 'read',
  title: 'Read an image',
  task: 'image-to-text',
  always: false,
  make: (api) => new PicturePanel(api, {id: 'read', action: 'Read', params: {}, row: lineRow}),
};
