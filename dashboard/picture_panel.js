// SPDX-License-Identifier: Apache-2.0
// A tab for models that take a picture: the method `run` with the file as it is, and what was found, one line each. Used by the
// tabs that say what a line looks like (classify.js, read.js).
import {el, put, setText} from './dom.js';
import {bytes, clipped, seconds} from './format.js';
import {modelChoice} from './model_choice.js';
import {MAX_BYTES, base64} from './upload.js';

export class PicturePanel {
  // id: of the tab; action: the button; params: of the method; row(finding): an element.
  constructor(api, {id, action, params, row}) {
    Object.assign(this, {api, params, row});
    this.choice = modelChoice(`${id}-model`);
    this.file = el('input', {id: `${id}-file`, type: 'file', accept: 'image/png,image/jpeg', onchange: () => this.#look()});
    this.preview = el('img', {class: 'preview', alt: 'The picture that you chose', hidden: true});
    this.button = el('button', {type: 'submit'}, action);
    this.found = el('ol', {class: 'plain', 'aria-label': 'What was found'});
    this.note = el('p', {class: 'soft', role: 'status'}, 'PNG or JPEG. It goes to this node alone.');
    const form = el('form', {onsubmit: (event) => this.#submit(event)}, this.choice.element, el('label', {class: 'field', for: `${id}-file`}, 'Picture', this.file), this.preview, el('div', {class: 'row'}, this.button));
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
      const result = await this.api.call('run', {model: this.choice.value, image: await base64(file), ...this.params, record: false}, null);
      put(this.found, ...(result.results?.[0] ?? []).map(this.row));
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
