// SPDX-License-Identifier: Apache-2.0
// What is said in a recording: the method `run` with the file as it is. Shown as soon as models.list names a model of the task.
import {el, put, setText} from './dom.js';
import {bytes, clipped, seconds} from './format.js';
import {modelChoice} from './model_choice.js';
import {MAX_BYTES, base64} from './upload.js';

function clock(at) {
  const whole = Math.max(0, Number(at) || 0);
  const minutes = Math.floor(whole / 60);
  return `${minutes}:${(whole - 60 * minutes).toFixed(1).padStart(4, '0')}`;
}

function segmentRow(segment) {
  return el('li', {class: 'segment'}, el('span', {class: 'number'}, `${clock(segment.start)} – ${clock(segment.end)}`), ' ', el('span', {}, clipped((segment.text ?? '').trim(), 2000)));
}

class TranscribePanel {
  constructor(api) {
    this.api = api;
    this.choice = modelChoice('transcribe-model');
    this.file = el('input', {id: 'transcribe-file', type: 'file', accept: 'audio/*', onchange: () => put(this.said)});
    this.button = el('button', {type: 'submit'}, 'Transcribe');
    this.said = el('ol', {class: 'plain', 'aria-label': 'What is said'});
    this.note = el('p', {class: 'soft', role: 'status'}, 'WAV; FLAC, Ogg and MP3 where the node has libsndfile. It goes to this node alone.');
    const form = el('form', {onsubmit: (event) => this.#submit(event)}, this.choice.element, el('label', {class: 'field', for: 'transcribe-file'}, 'Recording', this.file), el('div', {class: 'row'}, this.button));
    this.element = el('div', {}, form, this.said, this.note);
  }

  async #submit(event) {
    event.preventDefault();
    const file = this.file.files[0];
    if (!file) return setText(this.note, 'Choose a recording first.');
    if (file.size > MAX_BYTES) return setText(this.note, `The node takes at most ${bytes(MAX_BYTES)}; this recording has ${bytes(file.size)}.`);
    this.button.disabled = true;
    setText(this.note, 'Listening… the first time a model is measured before it runs.');
    try {
      const asked = performance.now();
      const result = await this.api.call('run', {model: this.choice.value, audio: await base64(file), record: false}, null);
      const segments = result.segments ?? [];
      put(this.said, ...segments.map(segmentRow));
      const took = `${seconds((performance.now() - asked) / 1000)} for ${seconds(Number(result.duration_s) || 0)} of sound, measured by this page`;
      setText(this.note, `${segments.length ? '' : 'Nothing is said. '}${took}; ${clipped(result.engine ?? '', 40)} on ${clipped(result.device ?? '', 40)}.`);
    } catch (error) {
      put(this.said);
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

export const transcribe = {
  id: 'transcribe',
  title: 'Transcribe',
  task: 'automatic-speech-recognition',
  always: false,
  make: (api) => new TranscribePanel(api),
};
