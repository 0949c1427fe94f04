// SPDX-License-Identifier: Apache-2.0
// A Helia node on js-libp2p and our daemon as peers: each dials the other, over Noise and over TLS; ping, identify, bitswap and the
// DHT of the LAN in both directions. The last line says "N passed, N failed".
// usage: peers.mjs BINARY     (test/interop/helia/run installs what it needs)
import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { withBitswap } from '@helia/bitswap'
import { withLibp2p } from '@helia/libp2p'
import { unixfs } from '@helia/unixfs'
import { identify, identifyPush } from '@libp2p/identify'
import { kadDHT, passthroughMapper } from '@libp2p/kad-dht'
import { noise } from '@libp2p/noise'
import { ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { tls } from '@libp2p/tls'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { createHeliaLight } from 'helia'
import { CID } from 'multiformats/cid'
import { Home } from './daemon.mjs'

const FILE_BYTES = (5 << 20) + 11
const STEP_MS = 60_000
const SECURITY = { noise, tls }

let passed = 0
let failed = 0

async function check (name, action) {
  try {
    await action(AbortSignal.timeout(STEP_MS))
    ++passed
  } catch (error) {
    ++failed
    console.log(`FAILED ${name}: ${error.stack}`)
  }
}

function want (holds, found) {
  if (!holds) throw new Error(`found ${JSON.stringify(found)}`)
}

/** A node that speaks to nobody but those it is told of or who dial it. */
async function makeNode (security) {
  const light = createHeliaLight()
  const node = withBitswap(withLibp2p(light, {
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncrypters: [SECURITY[security]()],
    streamMuxers: [yamux()],
    peerDiscovery: [],
    services: {
      dht: kadDHT({ protocol: '/ipfs/lan/kad/1.0.0', peerInfoMapper: passthroughMapper, clientMode: false }),
      identify: identify(),
      identifyPush: identifyPush(),
      ping: ping()
    }
  }))
  return node.start()
}

async function collect (pieces) {
  const all = []
  for await (const piece of pieces) all.push(piece)
  return Buffer.concat(all)
}

async function until (action, what) {
  for (let i = 0; i < 100; ++i) {
    const found = await action()
    if (found) return found
    await new Promise(resolve => setTimeout(resolve, 100))
  }
  throw new Error(`never: ${what}`)
}

async function heliaDials (where, home, ours) {
  const node = await makeNode(where)
  const name = `Helia dials us over ${where}`
  try {
    const address = multiaddr(ours)
    let peer
    await check(`${name}: connect`, async signal => { peer = (await node.libp2p.dial(address, { signal })).remotePeer })
    if (peer === undefined) return
    await check(`${name}: encryption`, async () => {
      const [connection] = node.libp2p.getConnections(peer)
      want(connection.encryption === (where === 'tls' ? '/tls/1.0.0' : '/noise'), connection.encryption)
      want(connection.multiplexer === '/yamux/1.0.0', connection.multiplexer)
    })
    await check(`${name}: ping`, async signal => want(await node.libp2p.services.ping.ping(peer, { signal }) >= 0))
    await check(`${name}: identify`, async () => {
      const known = await until(async () => {
        const entry = await node.libp2p.peerStore.get(peer)
        return entry.protocols.includes('/ipfs/bitswap/1.2.0') && entry
      }, 'bitswap among our protocols')
      want(Buffer.from(known.metadata.get('AgentVersion') ?? []).toString().startsWith('ipfs-accelerate/'), [...known.metadata.keys()])
    })
    const data = randomBytes(FILE_BYTES)
    await writeFile(join(home.folder, 'file'), data)
    const cid = CID.parse(await home.add(join(home.folder, 'file')))
    await check(`${name}: bitswap get`, async signal => want(data.equals(await collect(unixfs(node).cat(cid, { signal }))), 'other bytes'))
    const secret = randomBytes(1000)
    await writeFile(join(home.folder, 'secret'), secret)
    const hidden = CID.parse(await home.add(join(home.folder, 'secret'), '--private'))
    await check(`${name}: a private block stays here`, async () => {
      const got = await collect(unixfs(node).cat(hidden, { signal: AbortSignal.timeout(3000) })).catch(() => undefined)
      want(got === undefined, 'it was given')
    })
  } finally {
    await node.stop()
  }
}

async function weDial (where, home) {
  const node = await makeNode(where)
  const name = `we dial Helia over ${where}`
  try {
    const [address] = node.libp2p.getMultiaddrs().map(String)
    await check(`${name}: connect`, () => home.run('swarm', 'connect', address))
    await check(`${name}: ping`, () => home.run('ping', '-n', '3', node.libp2p.peerId.toString()))
    await check(`${name}: identify`, async () => {
      await until(async () => (await home.run('swarm', 'peers', '--json')).includes('helia'), "Helia's agent")
    })
    const data = randomBytes(FILE_BYTES)
    const cid = await unixfs(node).addBytes(data)
    await check(`${name}: bitswap serve`, async () => {
      const out = join(home.folder, `out-${where}`)
      await home.run('pull', cid.toString(), '--peer', address, '--output', out)
      want(data.equals(await readFile(out)), 'other bytes')
    })
    await check(`${name}: Kademlia, Helia provides and we find`, async signal => {
      await node.libp2p.contentRouting.provide(cid, { signal })
      want((await home.run('routing', 'findprovs', cid.toString(), '--json')).includes(node.libp2p.peerId.toString()))
    })
    await check(`${name}: Kademlia, we provide and Helia finds`, async signal => {
      const path = join(home.folder, `provided-${where}`)
      await writeFile(path, randomBytes(100))
      const provided = CID.parse(await home.add(path))
      await home.run('routing', 'provide', provided.toString())
      const { id } = JSON.parse(await home.run('id', '--json'))
      for await (const provider of node.libp2p.contentRouting.findProviders(provided, { signal })) {
        if (provider.id.toString() === id) return
      }
      throw new Error('we are not among them')
    })
    await check(`${name}: Kademlia, we find Helia`, async () => {
      want((await home.run('routing', 'findpeer', node.libp2p.peerId.toString(), '--json')).includes('127.0.0.1'))
    })
    await check(`${name}: disconnect`, () => home.run('swarm', 'disconnect', node.libp2p.peerId.toString()))
  } finally {
    await node.stop()
  }
}

const version = name => createRequire(import.meta.url)(`./node_modules/${name}/package.json`).version
const home = await Home.make(process.argv[2])
try {
  await home.start('--swarm', '/ip4/127.0.0.1/tcp/0')
  const { addresses, id } = JSON.parse(await home.run('id', '--json'))
  const ours = addresses[0].includes('/p2p/') ? addresses[0] : `${addresses[0]}/p2p/${id}`
  for (const where of Object.keys(SECURITY)) {
    await heliaDials(where, home, ours)
    await weDial(where, home)
  }
} finally {
  await home.stop()
}
console.log(`peers: ${passed} passed, ${failed} failed, with helia ${version('helia')} on libp2p ${version('libp2p')}`)
process.exit(failed === 0 && passed > 0 ? 0 : 1)
