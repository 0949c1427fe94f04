// SPDX-License-Identifier: Apache-2.0
// Puts the page together: signs in, and asks the node again every second while somebody looks.
import {byId, setText} from './dom.js';
import {Live} from './live.js';
import {parseMetrics} from './metrics.js';
import {ModelTable} from './models.js';
import {NodeApi} from './node_api.js';
import {Playground} from './playground.js';
import {showDevices, showFacts, showPeers} from './status.js';

const TICK_MS = 1000;
const DETECT_MS = 120000; // Engines are loaded to see what they can do.
const SLOW_TICKS = 5; // Models, facts and peers change seldom.
const THEMES = ['auto', 'light', 'dark'];
const THEME_KEY = 'ipfs-accelerate.theme';

const api = new NodeApi();
const live = new Live(byId('charts'));
const playground = new Playground(api);
const table = new ModelTable(api, {use: (model) => playground.use(model), canUse: (task) => playground.canUse(task)});

let round = 0;
let stored = [];
let asking = false;

function setState(kind, text) {
  const pill = byId('state');
  if (pill.dataset.kind !== kind) pill.dataset.kind = kind;
  setText(pill, text);
}

function applyTheme(theme) {
  document.documentElement.dataset.theme = theme;
  setText(byId('theme'), `◐ ${theme}`);
  byId('theme').setAttribute('aria-label', `Colours: ${theme}`);
}

function nextTheme() {
  const next = THEMES[(THEMES.indexOf(document.documentElement.dataset.theme) + 1) % THEMES.length];
  localStorage.setItem(THEME_KEY, next);
  applyTheme(next);
}

// A link of `ipfs-accelerate dashboard` ends in #token=…, which no server sees. It leaves the address, and so the history, first.
// Any page can link here, so a link signs nobody in who is signed in already: that would sign the visitor out, or in as another.
function takeTokenFromAddress() {
  const match = /^#token=([A-Za-z0-9._~-]{8,512})$/.exec(location.hash);
  if (!match) return;
  history.replaceState(null, '', location.pathname);
  if (!api.signedIn) api.signIn(match[1]);
}

function showSignedIn() {
  byId('sign-in').hidden = api.signedIn;
  byId('signed-in').hidden = !api.signedIn;
  byId('sections').hidden = !api.signedIn;
  byId('sign-out').hidden = !api.signedIn;
  if (!api.signedIn) setState('out', 'not signed in');
}

async function showSlowThings() {
  const orWhy = (promise) => promise.catch((error) => error.message);
  const [models, status, version, id, peers] = await Promise.all([api.call('models.list'), api.call('node.status'), api.version(), orWhy(api.call('node.id')), orWhy(api.call('swarm.peers'))]);
  stored = models.models;
  playground.update(stored);
  showFacts(status, version, id);
  showPeers(typeof peers === 'string' ? peers : peers.peers, id?.addresses?.length > 0);
}

async function tick() {
  if (!api.signedIn || document.hidden || asking) return;
  asking = true;
  try {
    if (round % SLOW_TICKS === 0) await showSlowThings();
    const [metrics, loaded] = await Promise.all([api.metricsText(), api.call('models.loaded')]);
    live.add(parseMetrics(metrics), loaded.models, performance.now());
    table.update(stored, loaded.models);
    if (round === 0) api.call('hardware.detect', {}, DETECT_MS).then(showDevices, (error) => showDevices(error.message));
    ++round;
    if (api.signedIn) setState('live', 'live');
  } catch (error) {
    if (error.status !== 401) setState('lost', error.name === 'TypeError' ? 'the node does not answer' : error.message.slice(0, 80));
  } finally {
    asking = false;
  }
}

function begin() {
  round = 0;
  showSignedIn();
  tick();
}

api.onRefused = () => {
  api.signIn('');
  setText(byId('sign-in-note'), 'The node does not take this token. It takes the one in the file api.token of its home, and API keys.');
  showSignedIn();
};

byId('sign-in-form').addEventListener('submit', (event) => {
  event.preventDefault();
  setText(byId('sign-in-note'), '');
  api.signIn(byId('token').value);
  byId('token').value = '';
  begin();
});
byId('sign-out').addEventListener('click', () => {
  api.signIn('');
  location.reload(); // What was shown goes too.
});
byId('theme').addEventListener('click', nextTheme);
addEventListener('hashchange', () => {
  takeTokenFromAddress();
  begin();
});
document.addEventListener('visibilitychange', tick);

applyTheme(THEMES.includes(localStorage.getItem(THEME_KEY)) ? localStorage.getItem(THEME_KEY) : 'auto');
takeTokenFromAddress();
begin();
setInterval(tick, TICK_MS);
