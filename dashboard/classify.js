// SPDX-License-Identifier: Apache-2.0
// What an image classifier sees in a picture: the method `run` with the file as it is. Shown as soon as models.list names a
// model of the task.
import {el, put, setText} from './dom.js';
import {bytes, clipped, seconds} from './format.js';
import {modelChoice} from './model_choice.js';

const MAX_BYTES = 20 << 20; // The node takes no more.
const TOP = 5;

function base64(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result.slice(reader.result.indexOf(',') + 1));
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(file);
  });
}

function findingRow(finding) {
  const fill = el('span', {class: 'fill'});
  const share = Math.min(1, Math.max(0, Number(finding.score) || 0));
  fill.style.inlineSize = `${share * 100}%`;
  const score = Number.isFinite(finding.score) ? finding.score.toFixed(3) : '–';
  return el('li', {class: 'finding'}, el('span', {}, clipped(finding.label ?? '', 80)), el('span', {class: 'number'}, score), el('span', {class: 'meter', 'aria-hidden': 'true'}, fill));
}

class ClassifyPanel {
  constructor(api) {
    this.api = api;
    this.choice = modelChoice('classify-model');
    this.file = el('input', {id: 'classify-file', type: 'file', accept: 'image/png,image/jpeg', onchange: () => this.#look()});
    this.preview = el('img', {class: 'preview', alt: 'The picture that you chose', hidden: true});
    this.button = el('button', {type: 'submit'}, 'Classify');
    this.found = el('ol', {class: 'plain', 'aria-label': 'What was found'});
    this.note = el('p', {class: 'soft', role: 'status'}, 'PNG or JPEG. It goes to this node alone.');
    const form = el('form', {onsubmit: (event) => this.#submit(event)}, this.choice.element, el('label', {class: 'field', for: 'classify-file'}, 'Picture', this.file), this.preview, el('div', {class: 'row'}, this.button));
    this.element = el('div', {}, form, this.found, this.note);
  }

  #look() {
    URL.revokeObjectURL(this.preview.src);
    const file = this.file.files[0];
    this.preview.hidden = !file;
    if (file) this.preview.src = URL.createObjectURL(file);
    put(this.found);
  }

  async #submit(event) {
    event.preventDefault();
    const file = this.file.files[0];
    if (!file) return setText(this.note, 'Choose a picture first.');
    if (file.size > MAX_BYTES) return setText(this.note, `The node takes at most ${bytes(MAX_BYTES)}; this picture has ${bytes(file.size)}.`);
    this.button.disabled = true;
    setText(this.note, 'Looking… the first time a model is measured before it runs.');
    try {
      const asked = performance.now();
      const result = await this.api.call('run', {model: this.choice.value, image: await base64(file), top_k: TOP, record: false}, null);
      put(this.found, ...(result.results?.[0] ?? []).map(findingRow));
      setText(this.note, `${seconds((performance.now() - asked) / 1000)} with the way there and back, measured by this page; ${clipped(result.engine ?? '', 40)} on ${clipped(result.device ?? '', 40)}.`);
    } catch (error) {
      put(this.found);
      setText(this.note, error.message);
    } finally {
      this.button.disabled = false;
    }
  }

  models(list) {
    this.choice.set(list);
  }
  choose(name) {
    this.choice.choose(name);
  }
  focus() {
    this.file.focus({preventScroll: true});
  }
}

export const classify = {
  id: 'classify',
  title: 'Classify an image',
  task: 'image-classification',
  always: false,
  make(api) {
    const panel = new ClassifyPanel(api);
    return {element: panel.element, models: (list) => panel.models(list), choose: (name) => panel.choose(name), focus: () => panel.focus()};
  },
};
