// SPDX-License-Identifier: Apache-2.0
// The page's pure parts, without a browser.
import assert from 'node:assert/strict';
import test from 'node:test';

globalThis.sessionStorage = {getItem: () => null, setItem() {}, removeItem() {}};
const folder = '../../../dashboard/';
const {parseMetrics, total, growth, spread} = await import(`${folder}metrics.js`);
const {bytes, seconds, number, shortCid, clipped} = await import(`${folder}format.js`);
const {lines, events} = await import(`${folder}node_api.js`);
const {cosine} = await import(`${folder}embed.js`);
const {merged} = await import(`${folder}models.js`);
const {pathOf} = await import(`${folder}chart.js`);
const {taken} = await import(`${folder}chat.js`);

const stream = (...pieces) => new ReadableStream({
  start(controller) {
    pieces.forEach((piece) => controller.enqueue(typeof piece === 'string' ? new TextEncoder().encode(piece) : piece));
    controller.close();
  },
});
const all = async (generator) => {
  const list = [];
  for await (const one of generator) list.push(one);
  return list;
};

test('metrics are read with labels, escapes and odd lines', () => {
  const metrics = parseMetrics('# HELP a b\na 1\nb{x="1",y="a\\"b,}\\n"} 2.5\nb{x="2"} +Inf\nnot a metric\n{} 3\nc NaN\n');
  assert.equal(total(metrics, 'a'), 1);
  assert.equal(metrics.get('b')[0].labels.get('y'), 'a"b,}\n');
  assert.equal(metrics.get('b')[1].value, Infinity);
  assert.equal(total(metrics, 'none'), null);
  assert.equal(metrics.size, 3);
});

test('a counter grows, starts anew, or is not known', () => {
  const at = (value) => parseMetrics(`n ${value}`);
  assert.equal(growth(at(3), at(5), 'n'), 2);
  assert.equal(growth(at(9), at(4), 'n'), 4);
  assert.equal(growth(parseMetrics(''), at(4), 'n'), 4);
  assert.equal(growth(at(1), parseMetrics(''), 'n'), null);
  assert.equal(growth(null, at(1), 'n'), null);
});

test('a histogram tells the mean and the bucket that holds 95 percent', () => {
  const at = (a, b, c, sum) => parseMetrics(`t_bucket{le="0.1"} ${a}\nt_bucket{le="1"} ${b}\nt_bucket{le="+Inf"} ${c}\nt_count ${c}\nt_sum ${sum}`);
  assert.deepEqual(spread(at(0, 0, 0, 0), at(19, 20, 20, 3), 't'), {count: 20, mean: 0.15, within95: 0.1});
  assert.deepEqual(spread(at(0, 0, 0, 0), at(1, 2, 2, 1), 't'), {count: 2, mean: 0.5, within95: 1});
  assert.equal(spread(at(0, 0, 0, 0), at(0, 0, 2, 1), 't').within95, Infinity);
  assert.deepEqual(spread(at(1, 1, 1, 1), at(1, 1, 1, 1), 't'), {count: 0, mean: null, within95: null});
});

test('what is not known is no number', () => {
  for (const value of [undefined, NaN, Infinity, null]) assert.equal(bytes(value), 'not known');
  assert.equal(bytes(90773643), '90.8 MB');
  assert.equal(bytes(0), '0 B');
  assert.equal(seconds(0.0123), '12.3 ms');
  assert.equal(seconds(2), '2 s');
  assert.equal(number(1234.5), '1,235');
  assert.equal(shortCid('bafybeib62aifsne5u5cdw5jjzk2xz4jemfxoyojaucew2pm6q6tjx4seci'), 'bafybeib6…jx4seci'.replace('jx4seci', 'x4seci'));
  assert.equal(clipped('😀😀😀', 2), '😀…');
});

test('lines and events come whole from pieces that cut letters', async () => {
  const bytesOf = new TextEncoder().encode('data: {"a":"é"}\r\n\r\n: comment\ndata: [DONE]\ndata: {"b":1}\n');
  const pieces = [...bytesOf].map((byte) => new Uint8Array([byte]));
  assert.deepEqual(await all(events(stream(...pieces))), [{a: 'é'}]);
  assert.deepEqual(await all(lines(stream('one\ntw', 'o\nthree'))), ['one', 'two', 'three']);
});

test('a line without an end is refused', async () => {
  const piece = 'x'.repeat(1 << 20);
  await assert.rejects(all(lines(stream(piece, piece, piece, piece, piece))), /too long/);
});

test('the cosine has no value for vectors without direction', () => {
  assert.equal(cosine([1, 0], [1, 0]), 1);
  assert.equal(cosine([1, 0], [0, 2]), 0);
  assert.equal(cosine([0, 0], [1, 1]), null);
  assert.equal(cosine([1], [1, 2]), null);
});

test('models that are loaded without a name are listed too', () => {
  const rows = merged([{name: 'a', cid: '1', bytes: 5}], [{cid: '1', engine: 'x'}, {cid: '2', name: 'bafy', task: 't', bytes: 7}]);
  assert.deepEqual(rows.map((row) => [row.cid, row.loaded.length]), [['1', 1], ['2', 1]]);
});

test('a line has gaps where nothing was measured', () => {
  assert.deepEqual(pathOf([null, null], 1), {line: '', dots: ''});
  assert.equal(pathOf([1, 1, null, 1, 1], 1).line.match(/M/g).length, 2);
  assert.equal(pathOf([1, 1], 1).dots, '');
  assert.match(pathOf([null, 1, null], 1).dots, /^M[\d. ]+h0\.1$/);
});

test('what an answer took is told as far as it is known', () => {
  assert.equal(taken({asked: 0, first: null, ended: 5, usage: null}), '');
  assert.equal(taken({asked: 0, first: 100, ended: 1100, usage: {completion_tokens: 11}}), 'First piece after 100 ms, 11 tokens in 1.10 s, 10 tokens/s while writing; measured by this page.');
});
