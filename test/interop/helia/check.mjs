// SPDX-License-Identifier: Apache-2.0
// Reads through our gateway with Helia's trustless block broker and with verified-fetch, each time with an empty store of its own, so
// that every block comes from us and is verified there; finds it by our routing API, and asks that API what it has. The last line says "N passed, N failed".
// usage: check.mjs BINARY RECORDS     (a folder of IPNS records; test/interop/helia/run installs what it needs)
import { createHash, randomBytes } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { delegatedRoutingV1HttpApiClient } from '@helia/delegated-routing-v1-http-api-client'
import { withHTTP } from '@helia/http'
import { unixfs } from '@helia/unixfs'
import { createVerifiedFetchWithHelia } from '@helia/verified-fetch'
import * as dagCbor from '@ipld/dag-cbor'
import * as dagJson from '@ipld/dag-json'
import { createHeliaLight } from 'helia'
import { base36 } from 'multiformats/bases/base36'
import { CID } from 'multiformats/cid'
import { Home } from './daemon.mjs'

const BIG_BYTES = (20 << 20) + 17
const SHARDED_ENTRIES = 1200
const REQUEST_MS = 60_000

let passed = 0
let failed = 0

async function check (name, action) {
  try {
    await action(AbortSignal.timeout(REQUEST_MS))
    ++passed
  } catch (error) {
    ++failed
    console.log(`FAILED ${name}: ${error.stack}`)
  }
}

function same (got, want) {
  if (Buffer.isBuffer(want) || want instanceof Uint8Array) {
    if (!Buffer.from(want).equals(Buffer.from(got))) throw new Error(`other bytes: ${got.length} of them, expected ${want.length}`)
  } else if (!isDeepStrictEqual(got, want)) {
    throw new Error(`got ${JSON.stringify(got)}, expected ${JSON.stringify(want)}`)
  }
}

async function fails (action) {
  try {
    await action()
  } catch {
    return
  }
  throw new Error('it was given, and should not have been')
}

async function collect (pieces) {
  const all = []
  for await (const piece of pieces) all.push(piece)
  return all
}

/** A node whose only source of anything is our gateway, which it knows as such or must find by asking it as a router. */
async function withNode (gateway, action, { finds = false } = {}) {
  const light = createHeliaLight({ codecs: [dagCbor, dagJson] })
  const init = {
    delegatedRouters: finds ? [gateway] : [],
    recursiveGateways: finds ? [] : [gateway],
    allowInsecure: true,
    allowLocal: true
  }
  if (!finds) light.addRouter({ name: 'nobody', async * findProviders () {} }) // Without one Helia never asks the gateways.
  const node = await withHTTP(light, init).start()
  try {
    return await action(node)
  } finally {
    await node.stop()
  }
}

async function write (root, files) {
  for (const [name, data] of Object.entries(files)) {
    const path = join(root, name)
    await mkdir(join(path, '..'), { recursive: true })
    await writeFile(path, data)
  }
}

const PROFILES = ['unixfs-v1-2025', 'unixfs-v0-2015']

/** Files, folders and nodes in our store: what is where. */
async function fill (home) {
  const tree = {
    'config.json': Buffer.from('{"a": 1}\n'),
    empty: Buffer.alloc(0),
    'layers/a name with spaces & ü.bin': randomBytes(300_000),
    'layers/big.bin': randomBytes(BIG_BYTES)
  }
  const many = Object.fromEntries(Array.from({ length: SHARDED_ENTRIES }, (_, i) => [`entry-${i}.txt`, Buffer.from(`number ${i}\n`)]))
  await write(join(home.folder, 'tree'), tree)
  await write(join(home.folder, 'many'), many)
  await writeFile(join(home.folder, 'secret'), randomBytes(1000))
  const roots = {}
  for (const profile of PROFILES) {
    roots[profile] = {
      tree: await home.add(join(home.folder, 'tree'), '--profile', profile),
      many: await home.add(join(home.folder, 'many'), '--profile', profile, '--max-hamt-fanout', '16', '--hamt-threshold', '1000')
    }
  }
  const nodes = {}
  const leaf = await home.add(join(home.folder, 'tree/config.json'))
  for (const [name, codec] of Object.entries({ 'dag-cbor': dagCbor, 'dag-json': dagJson })) {
    const value = { list: [1, 'two', null], bytes: new Uint8Array([1, 2, 3]), link: CID.parse(leaf) }
    await writeFile(join(home.folder, name), codec.encode(value))
    nodes[name] = { value, codec, cid: await home.run('dag', 'put', '--input-codec', name, '--store-codec', name, join(home.folder, name)) }
  }
  return { tree, many, roots, nodes, secret: await home.add(join(home.folder, 'secret'), '--private') }
}

async function checkHelia (home, held, profile) {
  const { tree, many } = held.roots[profile]
  const ours = JSON.parse(await home.run('ls', tree, '--json')).entries.map(entry => [entry.name, entry.cid])
  await withNode(home.gateway, async node => {
    const fs = unixfs(node)
    for (const [path, data] of Object.entries(held.tree)) {
      await check(`${profile}: helia reads ${path}`, async signal => same(Buffer.concat(await collect(fs.cat(CID.parse(tree), { path, signal }))), data))
    }
    await check(`${profile}: helia reads a range`, async signal => {
      const pieces = await collect(fs.cat(CID.parse(tree), { path: 'layers/big.bin', offset: 5_000_001, length: 3_000_000, signal }))
      same(Buffer.concat(pieces), held.tree['layers/big.bin'].subarray(5_000_001, 8_000_001))
    })
    await check(`${profile}: helia lists a folder with our CIDs`, async signal => {
      const entries = await collect(fs.ls(CID.parse(tree), { signal }))
      same(entries.map(entry => [entry.name, entry.cid.toString()]).sort(), ours.sort())
    })
    await check(`${profile}: helia lists a sharded folder`, async signal => {
      const entries = await collect(fs.ls(CID.parse(many), { signal }))
      same(entries.map(entry => entry.name).sort(), Object.keys(held.many).sort())
    })
    await check(`${profile}: helia finds an entry of a sharded folder`, async signal => {
      const path = `entry-${SHARDED_ENTRIES - 1}.txt`
      same(Buffer.concat(await collect(fs.cat(CID.parse(many), { path, signal }))), held.many[path])
    })
    await check(`${profile}: helia counts the same bytes`, async signal => {
      const stat = await fs.stat(CID.parse(tree), { path: 'layers/big.bin', extended: true, signal })
      same([stat.type === 'file' || stat.type === 'raw', Number(stat.size)], [true, BIG_BYTES])
    })
  })
}

async function checkFetch (home, held, profile) {
  const { tree, many } = held.roots[profile]
  const big = held.tree['layers/big.bin']
  await withNode(home.gateway, async node => {
    const fetch = await createVerifiedFetchWithHelia(node)
    const get = (path, signal, headers = {}) => fetch(`ipfs://${path}`, { allowLocal: true, allowInsecure: true, signal, headers })
    const bytesOf = async response => Buffer.from(await response.arrayBuffer())
    for (const [path, data] of Object.entries(held.tree)) {
      await check(`${profile}: verified-fetch reads ${path}`, async signal => {
        const response = await get(`${tree}/${encodeURIComponent(path).replaceAll('%2F', '/')}`, signal)
        same(response.status, 200)
        same(await bytesOf(response), data)
      })
    }
    await check(`${profile}: verified-fetch reads a range`, async signal => {
      const response = await get(`${tree}/layers/big.bin`, signal, { Range: 'bytes=1048570-2097160' })
      same([response.status, response.headers.get('Content-Range')], [206, `bytes 1048570-2097160/${BIG_BYTES}`])
      same(await bytesOf(response), big.subarray(1048570, 2097161))
    })
    await check(`${profile}: verified-fetch finds an entry of a sharded folder`, async signal => {
      same(await bytesOf(await get(`${many}/entry-7.txt`, signal)), held.many['entry-7.txt'])
    })
    await check(`${profile}: verified-fetch gives the root's block`, async signal => {
      const block = await bytesOf(await get(tree, signal, { Accept: 'application/vnd.ipld.raw' }))
      same(createHash('sha256').update(block).digest(), CID.parse(tree).multihash.digest)
    })
    await check(`${profile}: verified-fetch finds no name that is not there`, async signal => {
      const response = await get(`${tree}/nothing`, signal)
      same(response.status, 404)
    })
  })
}

async function checkNodes (home, held) {
  await withNode(home.gateway, async node => {
    const fetch = await createVerifiedFetchWithHelia(node)
    for (const [name, { value, codec, cid }] of Object.entries(held.nodes)) {
      const media = `application/vnd.ipld.${name}`
      await check(`verified-fetch gives the ${name} node`, async signal => {
        const response = await fetch(`ipfs://${cid}`, { allowLocal: true, allowInsecure: true, signal, headers: { Accept: media } })
        const bytes = new Uint8Array(await response.arrayBuffer())
        same(Buffer.from(bytes), Buffer.from(codec.encode(value)))
        same(codec.decode(bytes).link.toString(), value.link.toString())
      })
      await check(`verified-fetch follows a link of the ${name} node`, async signal => {
        const response = await fetch(`ipfs://${cid}/link`, { allowLocal: true, allowInsecure: true, signal })
        same(Buffer.from(await response.arrayBuffer()), held.tree['config.json'])
      })
    }
    await check('what is private stays so', async () => {
      await fails(() => collect(unixfs(node).cat(CID.parse(held.secret), { signal: AbortSignal.timeout(5000) })))
    })
  })
}

const NAME = 'k51qzi5uqu5dlxdsdu5fpuu7h69wu4ohp32iwm9pdt9nq3y5rpn3ln9j12zfhe'
const BROKEN = 'k51qzi5uqu5diamp7qnnvs1p1gzmku3eijkeijs3418j23j077zrkok63xdm8c'
const ABSENT = 'bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy'

async function checkRouting (home, held, records) {
  const { tree } = held.roots[PROFILES[0]]
  await withNode(home.gateway, async node => {
    await check('helia finds our gateway by asking it who has the root', async signal => {
      const data = held.tree['layers/big.bin']
      same(Buffer.concat(await collect(unixfs(node).cat(CID.parse(tree), { path: 'layers/big.bin', signal }))), data)
    })
    const client = delegatedRoutingV1HttpApiClient({ url: home.gateway })({ logger: node.logger })
    const providers = async (cid, options = {}) => collect(client.getProviders(CID.parse(cid), options))
    await check('the routing client reads our providers', async signal => {
      const [provider, ...others] = await providers(tree, { signal })
      same([others.length, provider.Protocols], [0, ['transport-ipfs-gateway-http']])
      same(provider.Addrs.map(address => address.toString()), [`/ip4/127.0.0.1/tcp/${new URL(home.gateway).port}/http`])
      const [peer] = await collect(client.getPeers(provider.ID, { signal }))
      same(peer.ID.toString(), provider.ID.toString())
    })
    await check('the routing client finds nobody for what is private or not here', async signal => {
      same([await providers(held.secret, { signal }), await providers(ABSENT, { signal })], [[], []])
    })
    await check('the routing client filters', async signal => {
      same(await providers(tree, { signal, filterProtocols: ['transport-bitswap'] }), [])
      same(await providers(tree, { signal, filterAddrs: ['tls'] }), [])
      same((await providers(tree, { signal, filterAddrs: ['tcp'], filterProtocols: ['transport-ipfs-gateway-http'] })).length, 1)
    })
    await check('the routing client publishes a record and reads it', async signal => {
      const record = await readFile(join(records, `${NAME}.ipns-record`))
      await client.putIPNS(CID.parse(NAME, base36), record, { signal })
      same(Buffer.from(await client.getIPNS(CID.parse(NAME, base36), { signal })), record)
    })
    await check('a broken record is refused and not found', async signal => {
      const record = await readFile(join(records, `${BROKEN}_v1-v2-broken-signature-v2.ipns-record`))
      await fails(() => client.putIPNS(CID.parse(BROKEN, base36), record, { signal }))
      await fails(() => client.getIPNS(CID.parse(BROKEN, base36), { signal }))
    })
  }, { finds: true })
}

if (process.argv.length !== 4) {
  console.error('usage: check.mjs BINARY RECORDS')
  process.exit(2)
}
const home = await Home.make(process.argv[2])
try {
  const held = await fill(home)
  await home.start()
  for (const profile of PROFILES) {
    await checkHelia(home, held, profile)
    await checkFetch(home, held, profile)
  }
  await checkNodes(home, held)
  await checkRouting(home, held, process.argv[3])
} finally {
  await home.stop()
}
console.log(`helia: ${passed} passed, ${failed} failed`)
process.exit(failed === 0 && passed > 0 ? 0 : 1)
