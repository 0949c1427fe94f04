// SPDX-License-Identifier: Apache-2.0
// Talk to a language model over /v1/chat/completions, shown as it writes.
import {el, setText} from './dom.js';
import {number, seconds} from './format.js';
import {modelChoice} from './model_choice.js';

const MAX_TOKENS = 512;

/** What an answer took, from when it was asked for, its first piece came and it ended (milliseconds), and the node's count. */
export function taken({asked, first, ended, usage}) {
  const parts = [];
  if (first !== null) parts.push(`First piece after ${seconds((first - asked) / 1000)}`);
  const tokens = usage?.completion_tokens;
  if (Number.isFinite(tokens)) {
    parts.push(`${tokens} tokens in ${seconds((ended - asked) / 1000)}`);
    if (tokens > 1 && first !== null && ended > first) parts.push(`${number(((tokens - 1) * 1000) / (ended - first))} tokens/s while writing`);
  }
  return parts.length > 0 ? `${parts.join(', ')}; measured by this page.` : '';
}

class ChatPanel {
  #messages = [];
  #running = null;

  constructor(api) {
    this.api = api;
    this.choice = modelChoice('chat-model');
    this.log = el('div', {class: 'log', role: 'log', 'aria-label': 'Conversation', tabindex: 0});
    this.input = el('textarea', {id: 'chat-input', rows: 3, placeholder: 'Ask something. Enter sends, Shift+Enter begins a line.', onkeydown: (event) => this.#key(event)});
    this.temperature = el('input', {id: 'chat-temperature', type: 'number', min: 0, max: 2, step: 0.1, value: 0});
    this.length = el('input', {id: 'chat-length', type: 'number', min: 1, max: 32768, step: 1, value: MAX_TOKENS});
    this.send = el('button', {type: 'submit'}, 'Send');
    this.stop = el('button', {type: 'button', class: 'quiet', hidden: true, onclick: () => this.#running?.abort()}, 'Stop');
    this.note = el('p', {class: 'soft', role: 'status'});
    const again = el('button', {type: 'button', class: 'quiet', onclick: () => this.#clear()}, 'New conversation');
    const settings = el('div', {class: 'row fields'}, this.choice.element, el('label', {class: 'field short', for: 'chat-temperature'}, 'Temperature', this.temperature), el('label', {class: 'field short', for: 'chat-length'}, 'Tokens at most', this.length));
    const form = el('form', {onsubmit: (event) => this.#submit(event)}, el('label', {class: 'unseen', for: 'chat-input'}, 'Your message'), this.input, el('div', {class: 'row'}, this.send, this.stop, again));
    this.element = el('div', {}, settings, this.log, form, this.note);
    this.#clear();
  }

  #clear() {
    this.#running?.abort();
    this.#messages = [];
    this.log.replaceChildren(el('p', {class: 'soft empty'}, 'Nothing said yet.'));
    setText(this.note, '');
  }

  #key(event) {
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    this.element.querySelector('form').requestSubmit();
  }

  #say(role, text) {
    const words = el('div', {class: 'words'}, text);
    this.log.querySelector('.empty')?.remove();
    this.log.append(el('div', {class: `message ${role}`}, el('span', {class: 'who'}, role === 'user' ? 'You' : this.choice.value), words));
    this.log.scrollTop = this.log.scrollHeight;
    return words;
  }

  async #submit(event) {
    event.preventDefault();
    const text = this.input.value.trim();
    if (text === '' || this.#running) return;
    if (!this.choice.value) return setText(this.note, 'There is no language model here. ipfs-accelerate add --name smollm FOLDER names one.');
    this.input.value = '';
    const messages = [...this.#messages, {role: 'user', content: text}];
    this.#say('user', text);
    const words = this.#say('assistant', '');
    const running = new AbortController();
    this.#busy(running);
    const facts = {asked: performance.now(), first: null, ended: 0, usage: null};
    try {
      await this.#read(messages, words, facts, running.signal);
      setText(this.note, taken(facts));
      // Only what was answered belongs to the conversation.
      if (this.#running === running) this.#messages = [...messages, {role: 'assistant', content: words.textContent}];
    } catch (error) {
      words.classList.add('cut');
      setText(this.note, running.signal.aborted ? 'Stopped.' : error.message);
    } finally {
      if (this.#running === running) this.#busy(null);
    }
  }

  async #read(messages, words, facts, signal) {
    const body = {
      model: this.choice.value,
      messages,
      stream: true,
      stream_options: {include_usage: true},
      temperature: Number(this.temperature.value),
      max_tokens: Number(this.length.value) || MAX_TOKENS,
    };
    for await (const event of this.api.stream('/v1/chat/completions', body, signal)) {
      if (event.error) throw new Error(event.error.message);
      const piece = event.choices?.[0]?.delta?.content;
      facts.usage = event.usage ?? facts.usage;
      if (!piece) continue;
      facts.first ??= performance.now();
      const atEnd = this.log.scrollTop + this.log.clientHeight >= this.log.scrollHeight - 8;
      words.append(piece);
      if (atEnd) this.log.scrollTop = this.log.scrollHeight;
    }
    words.normalize();
    facts.ended = performance.now();
  }

  #busy(running) {
    this.#running = running;
    this.send.disabled = running !== null;
    this.stop.hidden = running === null;
    this.log.setAttribute('aria-busy', String(running !== null));
    if (running) setText(this.note, 'Waiting for the first piece…');
  }

  models(list) {
    this.choice.set(list);
  }
  choose(name) {
    this.choice.choose(name);
  }
  focus() {
    this.input.focus({preventScroll: true});
  }
}

export const chat = {
  id: 'chat',
  title: 'Chat',
  task: 'text-generation',
  always: true,
  make: (api) => new ChatPanel(api),
};
