// SPDX-License-Identifier: Apache-2.0
// What this node is: its facts, its devices, its peers.
import {byId, el, put} from './dom.js';
import {bytes, clipped, number, UNKNOWN} from './format.js';

export function showFacts(status, version, id) {
  const pairs = [
    ['Version', version ?? UNKNOWN],
    ['Home', status.home],
    ['Processor', `${status.cpu}, ${status.usable_threads} threads for this process`],
    ['Peer id', id?.id ?? UNKNOWN],
    ['Listens for peers', id?.addresses?.length ? id.addresses.slice(0, 8).join(' ') : 'no'],
    ['Content', `${status.pins} pins, ${status.names} names`],
    ['Process', status.pid],
  ];
  put(byId('facts'), ...pairs.flatMap(([name, value]) => [el('dt', {}, name), el('dd', {}, clipped(value, 400))]));
}

function deviceRow(platform) {
  const reason = el('span', {class: 'soft'}, clipped(platform.reason, 300));
  if (!platform.available) return el('li', {class: 'off'}, el('b', {}, clipped(platform.platform, 40)), ' ', reason);
  const devices = (platform.devices ?? []).map((device) => `${clipped(device.name, 80)}${device.memory_bytes ? `, ${bytes(device.memory_bytes)}` : ''}`);
  return el('li', {}, el('span', {class: 'tag'}, clipped(platform.platform, 40)), ' ', devices.join('; '), platform.emulated ? ' (emulated)' : '', platform.untested ? ' (untested)' : '', el('br'), reason);
}

/** platforms: of hardware.detect, or a text that says why there is none. */
export function showDevices(platforms) {
  if (typeof platforms === 'string') return put(byId('devices'), el('li', {class: 'soft'}, platforms));
  const here = platforms.filter((platform) => platform.available);
  const missing = platforms.filter((platform) => !platform.available);
  const rest = el('li', {}, el('details', {}, el('summary', {}, `${missing.length} kinds that are not here, and why`), el('ul', {class: 'plain'}, missing.map(deviceRow))));
  put(byId('devices'), ...here.map(deviceRow), missing.length > 0 ? rest : null);
}

/** peers: of swarm.peers, or a text that says why there is none. */
export function showPeers(peers, listens) {
  if (typeof peers === 'string') return put(byId('peers'), el('li', {class: 'soft'}, peers));
  const shown = peers.slice(0, 20).map((peer) => {
    const time = Number.isFinite(peer.round_trip_ms) && peer.round_trip_ms > 0 ? `, ${number(peer.round_trip_ms)} ms away` : '';
    return el('li', {}, el('span', {class: 'mono'}, clipped(peer.peer, 60)), el('br'), el('span', {class: 'soft'}, `${clipped(peer.address, 80)}, ${peer.direction}${time}; ${bytes(peer.bytes_in)} in, ${bytes(peer.bytes_out)} out`));
  });
  const none = listens ? 'None is connected.' : 'None: this node has no swarm (daemon --swarm).';
  put(byId('peers'), shown.length === 0 ? el('li', {class: 'soft'}, none) : null, ...shown, peers.length > 20 ? el('li', {class: 'soft'}, `and ${peers.length - 20} more`) : null);
}
