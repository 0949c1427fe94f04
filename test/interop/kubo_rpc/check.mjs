// SPDX-License-Identifier: Apache-2.0
// Drives our daemon by kubo-rpc-client. The last line says "N passed, N failed".
// usage: check.mjs BINARY     (test/interop/kubo_rpc/run installs what it needs)
import { execFileSync, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { isDeepStrictEqual } from 'node:util'
import { create } from 'kubo-rpc-client'
import { CID } from 'multiformats/cid'

// What Kubo 0.43.1 answered for the same input.
const HI = 'QmZLRFWaz9Kypt2ACNMDzA5uzACDRiCqwdkNSP1UZsu56D'
const HI_V1 = 'bafkreiey5jxe6ilpf62lnh77tm5ejbbmhbugzjuf6p2v3remlu73ced34q'
const FOLDER = 'QmPTH5Pqp3xrHzf29w8k1dE6XfVNS4gEtTKzFVFjd7xvkf'
const WRAPPED_V1 = 'bafybeibim2fnxwuexkteycd5pv3s5rzhu4oc4qcli36b42pimqfyirgjge'
const NODE = 'bafyreihltcnuuyqp2jm24aqydpnlj7b6w3ogwrplomrjtg5rifv44mmjey'

let passed = 0
let failed = 0

async function check (name, action) {
  try {
    await action()
    ++passed
  } catch (error) {
    ++failed
    console.log(`FAILED ${name}: ${error.stack}`)
  }
}

function same (got, want) {
  if (want instanceof Uint8Array) {
    if (!Buffer.from(want).equals(Buffer.from(got))) throw new Error(`other bytes: ${got.length} of them, expected ${want.length}`)
  } else if (!isDeepStrictEqual(got, want)) {
    throw new Error(`got ${JSON.stringify(got)}, expected ${JSON.stringify(want)}`)
  }
}

async function fails (action, words = '') {
  try {
    await action()
  } catch (error) {
    if (!String(error.message).includes(words)) throw new Error(`it said "${error.message}", expected "${words}"`)
    return
  }
  throw new Error('it was given, and should not have been')
}

async function all (items) {
  const list = []
  for await (const item of items) list.push(item)
  return list
}

class Daemon {
  static async start (binary) {
    const daemon = new Daemon()
    daemon.folder = await mkdtemp(join(tmpdir(), 'accel-rpc-'))
    const env = { ...process.env, IPFS_ACCELERATE_HOME: join(daemon.folder, 'home') }
    const flags = ['daemon', '--api', '127.0.0.1:0', '--kubo-rpc', '--swarm', '/ip4/127.0.0.1/tcp/0', '--json']
    daemon.process = spawn(binary, flags, { env, stdio: ['ignore', 'pipe', 'inherit'] })
    const lines = createInterface({ input: daemon.process.stdout })
    const { value, done } = await lines[Symbol.asyncIterator]().next()
    if (done) throw new Error('the daemon did not start')
    daemon.where = JSON.parse(value)
    daemon.token = (await readFile(join(env.IPFS_ACCELERATE_HOME, 'api.token'), 'utf8')).trim()
    daemon.audit = () => readFile(join(env.IPFS_ACCELERATE_HOME, 'logs/audit.jsonl'), 'utf8')
    daemon.client = create({ url: daemon.where.api, headers: { Authorization: `Bearer ${daemon.token}` } })
    return daemon
  }

  post (path, headers = {}, method = 'POST') {
    return fetch(`${this.where.api}/api/v0/${path}`, { method, headers })
  }

  async stop () {
    const ended = new Promise(resolve => this.process.once('exit', resolve))
    this.process.kill('SIGINT')
    await ended
    await rm(this.folder, { recursive: true })
  }
}

// Of the system's tar.
function untar (archive) {
  const list = execFileSync('tar', ['-tvf', '-'], { input: archive, maxBuffer: 1 << 20 }).toString()
  return list.trimEnd().split('\n').map(line => {
    const name = line.split(/\s+/).slice(5).join(' ')
    const type = { d: 'folder', '-': 'file', l: 'link' }[line[0]]
    const bytes = type === 'file'
      ? execFileSync('tar', ['-xOf', '-', name], { input: archive, maxBuffer: 1 << 27 })
      : undefined
    return { name: name.replace(/\/$/, ''), type, bytes }
  })
}

const TREE = [{ path: 'd/a.txt', content: Buffer.from('hi\n') }, { path: 'd/sub/b', content: Buffer.from('yo\n') }]

async function checkContent ({ client }) {
  await check('add gives the CID of Kubo', async () => same((await client.add('hi\n')).cid.toString(), HI))
  await check('add with CIDv1', async () => same((await client.add('hi\n', { cidVersion: 1 })).cid.toString(), HI_V1))
  await check('addAll gives folders as Kubo does', async () => {
    const added = await all(client.addAll(TREE))
    same(added.map(entry => entry.path), ['d/a.txt', 'd/sub/b', 'd/sub', 'd'])
    same([added[3].cid.toString(), added[3].size, added[0].size], [FOLDER, 165, 11])
  })
  await check('add wraps', async () => {
    const file = { path: 'a.txt', content: Buffer.from('hi\n') }
    const added = await all(client.addAll([file], { wrapWithDirectory: true, cidVersion: 1 }))
    same(added.map(entry => [entry.path, entry.cid.toString(), entry.size]), [['a.txt', HI_V1, 3], ['', WRAPPED_V1, 56]])
  })
  await check('add hashes only', async () => {
    const bytes = randomBytes(5000)
    const { cid } = await client.add(bytes, { onlyHash: true })
    await fails(() => all(client.cat(cid)))
    same((await client.add(bytes)).cid.toString(), cid.toString())
  })
  const big = randomBytes(40 << 20) // More than a body that is held may have.
  await check('add tells progress of a large file, cat gives it back', async () => {
    let seen = 0
    const { cid } = await client.add(big, { progress: bytes => { seen = bytes } })
    same(seen, big.length)
    same(Buffer.concat(await all(client.cat(cid))), big)
    same(Buffer.concat(await all(client.cat(cid, { offset: 1_000_001, length: 2_000_000 }))), big.subarray(1_000_001, 3_000_001))
  })
  await check('cat of a folder and of nothing is refused', async () => {
    await fails(() => all(client.cat(FOLDER)))
    await fails(() => all(client.cat(`${FOLDER}/nothing`)))
  })
  await check('get gives an archive that tar reads', async () => {
    const entries = untar(Buffer.concat(await all(client.get(FOLDER))))
    same(entries.map(({ name, type }) => [name, type]), [
      [FOLDER, 'folder'], [`${FOLDER}/a.txt`, 'file'], [`${FOLDER}/sub`, 'folder'], [`${FOLDER}/sub/b`, 'file']
    ])
    same(entries[1].bytes, Buffer.from('hi\n'))
    const { cid } = await client.add(big)
    const [file] = untar(Buffer.concat(await all(client.get(cid, { archive: true }))))
    same([file.name, file.type], [cid.toString(), 'file'])
    same(file.bytes, big)
    const [below] = untar(Buffer.concat(await all(client.get(`${FOLDER}/sub/b`))))
    same([below.name, below.bytes.toString()], ['b', 'yo\n'])
  })
  await check('get that compresses and of nothing is refused', async () => {
    await fails(() => all(client.get(FOLDER, { compress: true, compressionLevel: 5 })), 'compress')
    await fails(() => all(client.get(`${FOLDER}/nothing`)))
  })
  await check('ls lists', async () => {
    const entries = await all(client.ls(FOLDER))
    same(entries.map(({ name, size, type, cid }) => [name, size, type, cid.toString()])[0], ['a.txt', 3, 'file', HI])
    same(entries[1].type, 'dir')
  })
}

async function checkPins ({ client }) {
  const pins = async options => (await all(client.pin.ls(options))).map(pin => pin.cid.toString())
  await check('add pins, pin.rm and pin.add change it', async () => {
    same((await pins({ type: 'recursive' })).includes(FOLDER), true)
    same((await client.pin.rm(CID.parse(FOLDER))).toString(), FOLDER)
    same((await pins()).includes(FOLDER), false)
    await fails(() => pins({ paths: CID.parse(FOLDER) }), 'is not pinned')
    same((await client.pin.add(CID.parse(FOLDER), { name: 'mine' })).toString(), FOLDER)
    const [pin] = await all(client.pin.ls({ paths: CID.parse(FOLDER) }))
    same([pin.type, pin.name], ['recursive', 'mine'])
  })
  await check('add without pin leaves none', async () => {
    const { cid } = await client.add(randomBytes(100), { pin: false })
    same((await pins()).includes(cid.toString()), false)
  })
  await check('pin.rm of what is not pinned is refused', () => fails(() => client.pin.rm(CID.parse(NODE))))
}

async function checkBlocks ({ client }) {
  await check('blocks are put, told and given', async () => {
    const cid = await client.block.put(Buffer.from('hi\n'))
    same(cid.toString(), HI_V1)
    same((await client.block.stat(cid)).size, 3)
    same(await client.block.get(cid), Buffer.from('hi\n'))
  })
  await check('nodes are put, given and resolved', async () => {
    const cid = await client.dag.put({ a: 1 })
    same(cid.toString(), NODE)
    same((await client.dag.get(cid)).value, { a: 1 })
    const outer = await client.dag.put({ link: cid })
    const resolved = await client.dag.resolve(outer, { path: 'link/a' })
    same([resolved.cid.toString(), resolved.remainderPath], [NODE, 'a'])
  })
  await check('archives go out and come in', async () => {
    const archive = Buffer.concat(await all(client.dag.export(CID.parse(FOLDER))))
    const roots = await all(client.dag.import([archive]))
    same(roots.map(({ root }) => [root.cid.toString(), root.pinErrorMsg]), [[FOLDER, '']])
    await fails(() => all(client.dag.import([archive.subarray(0, archive.length - 5)])))
  })
}

async function checkNode (one, two) {
  const { client } = one
  const other = await two.client.id()
  await check('id and version', async () => {
    const id = await client.id()
    same([id.id.toString().startsWith('12D3Koo'), id.addresses.length > 0, id.publicKey.length], [true, true, 48])
    same(typeof (await client.version()).version, 'string')
  })
  await check('swarm connects, lists and lets go', async () => {
    const [line] = await client.swarm.connect(other.addresses[0])
    same(line, `connect ${other.id} success`)
    const peers = await client.swarm.peers({ verbose: true, direction: true })
    same(peers.map(peer => peer.peer.toString()), [other.id.toString()])
    const [gone] = await client.swarm.disconnect(`/p2p/${other.id}`)
    same(gone, `disconnect ${other.id} success`)
    await fails(() => client.swarm.connect('/ip4/127.0.0.1/tcp/1/p2p/' + other.id))
  })
  await check('repo tells and collects', async () => {
    same((await client.repo.stat()).numObjects > 0n, true)
    same(await all(client.repo.gc()), [])
  })
}

async function checkNames ({ client }) {
  await check('keys are made, listed, renamed and removed', async () => {
    const made = await client.key.gen('models')
    same(made.id.startsWith('k51'), true)
    same((await client.key.list()).map(key => key.name), ['self', 'models'])
    same((await client.key.rename('models', 'other')).now, 'other')
    same((await client.key.rm('other')).name, 'other')
    await fails(() => client.key.gen('rsa', { type: 'rsa' }))
  })
  await check('names are published and resolved', async () => {
    await client.key.gen('site')
    const published = await client.name.publish(`/ipfs/${HI}`, { key: 'site', lifetime: '1h30m', ttl: '10s' })
    same(published.value, `/ipfs/${HI}`)
    same(await all(client.name.resolve(published.name)), [`/ipfs/${HI}`])
  })
}

async function checkGuard (daemon) {
  const bearer = { Authorization: `Bearer ${daemon.token}` }
  const statuses = {
    'without the token': [daemon.post('id'), 401],
    'with another token': [daemon.post('id', { Authorization: 'Bearer nothing' }), 401],
    'by GET': [daemon.post('id', bearer, 'GET'), 405],
    'from a foreign page': [daemon.post('id', { ...bearer, Origin: 'http://evil.example' }), 403],
    'by a link of a foreign page': [daemon.post('id', { ...bearer, Referer: 'http://evil.example/' }), 403],
    'by a browser that hides': [daemon.post('id', { ...bearer, 'User-Agent': 'Mozilla/5.0' }), 403],
    'of what there is not': [daemon.post('files/ls', bearer), 404],
    'with an option that nobody reads': [daemon.post('id?colour=red', bearer), 400],
    'without an argument': [daemon.post('cat', bearer), 400]
  }
  for (const [name, [asked, status]] of Object.entries(statuses)) {
    await check(`a call ${name}`, async () => same((await asked).status, status))
  }
  await check('errors have the shape of Kubo', async () => {
    const reply = await daemon.post('cat?arg=bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy', bearer)
    const body = await reply.json()
    same([reply.status, body.Code, body.Type], [500, 0, 'error'])
  })
  await check('what changed stands in the audit log, without the token', async () => {
    const text = await daemon.audit()
    const lines = text.trim().split('\n').map(line => JSON.parse(line))
    same(lines.every(line => line.who === 'token'), true)
    for (const method of ['content.add', 'pin.rm', 'key.gen', 'name.publish']) {
      same(lines.some(line => line.method === method && line.outcome === 'ok'), true)
    }
    same(text.includes(daemon.token), false)
  })
}

const [binary] = process.argv.slice(2)
const one = await Daemon.start(binary)
const two = await Daemon.start(binary)
try {
  await checkContent(one)
  await checkPins(one)
  await checkBlocks(one)
  await checkNode(one, two)
  await checkNames(one)
  await checkGuard(one)
} finally {
  await one.stop()
  await two.stop()
}
console.log(`${passed} passed, ${failed} failed`)
process.exit(failed === 0 ? 0 : 1)
