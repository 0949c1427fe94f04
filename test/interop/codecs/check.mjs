// SPDX-License-Identifier: Apache-2.0
// Encodes random values and archives with the JavaScript stack and asks accel_codec_tool about them. The last line says
// "N passed, N failed".
// usage: node check.mjs TOOL [--seed N] [--cases N]     (test/interop/codecs/run installs what it needs)
import { spawn } from 'node:child_process'
import { createHash, randomInt } from 'node:crypto'
import { createInterface } from 'node:readline'
import { isDeepStrictEqual, parseArgs } from 'node:util'
import { CarWriter } from '@ipld/car'
import * as dagCbor from '@ipld/dag-cbor'
import * as dagJson from '@ipld/dag-json'
import { CID } from 'multiformats/cid'
import * as Digest from 'multiformats/hashes/digest'

const SHA2_256 = 0x12
const RAW = 0x55
const codecs = { 'dag-cbor': dagCbor, 'dag-json': dagJson }
const hex = bytes => Buffer.from(bytes).toString('hex')
const cidOf = (code, bytes) => CID.createV1(code, Digest.create(SHA2_256, createHash('sha256').update(bytes).digest()))

/** Numbers in [0, 1) from a seed (mulberry32). */
function generator (seed) {
  let state = Number(seed) >>> 0
  return () => {
    state = (state + 0x6D2B79F5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

class Random {
  constructor (seed) { this.next = generator(seed) }
  below (bound) { return Math.floor(this.next() * bound) }
  bytes (most) { return Uint8Array.from({ length: this.below(most + 1) }, () => this.below(256)) }
  cid () { return this.below(3) === 0 ? CID.createV0(cidOf(0x70, this.bytes(9)).multihash) : cidOf([RAW, 0x71, 0x0129][this.below(3)], this.bytes(9)) }

  text () {
    const pieces = ['a', 'Z', '/', 'bytes', '"', '\\', '\n', '\t', '\0', '\x1f', '\x7f', 'é', '☺', '\u{10151}', ' ', '0', '9']
    return Array.from({ length: this.below(8) }, () => pieces[this.below(pieces.length)]).join('')
  }

  integer () {
    const number = BigInt(this.below(2 ** 32)) << 32n | BigInt(this.below(2 ** 32))
    const small = number >> BigInt(this.below(64))
    const signed = this.below(2) === 0 ? small : -1n - small
    return signed >= Number.MIN_SAFE_INTEGER && signed <= Number.MAX_SAFE_INTEGER ? Number(signed) : signed
  }

  /** Never one that JavaScript takes for an integer. */
  float () {
    for (;;) {
      const number = (this.next() - 0.5) * 10 ** (this.below(600) - 300)
      if (Number.isFinite(number) && number !== 0 && !Number.isSafeInteger(number)) return number
    }
  }

  value (depth = 4) {
    switch (this.below(depth === 0 ? 7 : 9)) {
      case 0: return null
      case 1: return this.below(2) === 0
      case 2: return this.integer()
      case 3: return this.float()
      case 4: return this.text()
      case 5: return this.bytes(40)
      case 6: return this.cid()
      case 7: return Array.from({ length: this.below(5) }, () => this.value(depth - 1))
      default: {
        const entries = Array.from({ length: this.below(5) }, () => [this.text(), this.value(depth - 1)])
        return Object.fromEntries(entries.filter(([key]) => key !== '/')) // dag-json cannot hold every map with "/".
      }
    }
  }
}

class Tool {
  constructor (path) {
    this.process = spawn(path, { stdio: ['pipe', 'pipe', 'inherit'] })
    this.lines = createInterface({ input: this.process.stdout })[Symbol.asyncIterator]()
  }

  async ask (name, bytes) {
    this.process.stdin.write(`${name} ${hex(bytes)}\n`)
    const { value, done } = await this.lines.next()
    if (done) throw new Error('the tool ended')
    return value
  }

  close () { this.process.stdin.end() }
}

/** The reason why the case failed, or undefined. */
async function checkValue (tool, random) {
  const value = random.value()
  const forms = { 'dag-cbor': dagCbor.encode(value), 'dag-json': dagJson.encode(value) }
  for (const [name, codec] of Object.entries(codecs)) {
    const want = `ok ${hex(forms['dag-cbor'])} ${hex(forms['dag-json'])} ${cidOf(codec.code, forms[name])}`
    const got = await tool.ask(name, forms[name])
    if (got !== want) return `${name}: got ${got}, expected ${want}`
  }
}

/** What JavaScript cannot tell from an integer, or prints otherwise, is not compared. */
function comparable (value) {
  if (typeof value === 'number') return !Number.isInteger(value)
  if (typeof value === 'string') return !/[\b\f\u2028\u2029]/.test(value)
  if (value === null || typeof value !== 'object' || value instanceof Uint8Array || CID.asCID(value) !== null) return true
  return Object.entries(value).every(([key, inner]) => comparable(key) && comparable(inner))
}

async function checkChanged (tool, random) {
  const [name, codec] = Object.entries(codecs)[random.below(2)]
  const bytes = Uint8Array.from(codec.encode(random.value()))
  for (let left = 1 + random.below(2); left > 0 && bytes.length > 0; --left) bytes[random.below(bytes.length)] = random.below(256)
  const got = await tool.ask(name, bytes)
  if (!got.startsWith('ok ')) return
  let value
  try {
    value = codec.decode(bytes)
  } catch (error) {
    return `${name} ${hex(bytes)}: taken here, refused there: ${error.message}`
  }
  if (comparable(value) && hex(codec.encode(value)) !== hex(bytes)) return `${name} ${hex(bytes)}: means something else there`
  if (!isDeepStrictEqual(codec.decode(bytes), value)) return `${name} ${hex(bytes)}: not stable`
}

async function checkArchive (tool, random) {
  const { writer, out } = CarWriter.create(Array.from({ length: random.below(4) }, () => random.cid()))
  const pieces = []
  const collected = (async () => { for await (const piece of out) pieces.push(piece) })()
  for (let left = random.below(6); left > 0; --left) {
    const bytes = random.bytes(300)
    await writer.put({ cid: cidOf(RAW, bytes), bytes })
  }
  await writer.close()
  await collected
  const archive = Buffer.concat(pieces)
  const got = await tool.ask('car', archive)
  return got === `ok ${hex(archive)}` ? undefined : `car ${hex(archive)}: got ${got}`
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seed: { type: 'string' }, cases: { type: 'string', default: '2000' } }
})
if (positionals.length !== 1) {
  console.error('usage: check.mjs TOOL [--seed N] [--cases N]')
  process.exit(2)
}
const seed = values.seed ?? String(randomInt(2 ** 32))
console.log(`codecs: seed ${seed} (replay with --seed ${seed})`)
const random = new Random(seed)
const tool = new Tool(positionals[0])
let passed = 0
let failed = 0
for (let i = 0; i < Number(values.cases); ++i) {
  for (const check of [checkValue, checkChanged, checkArchive]) {
    const reason = await check(tool, random)
    if (reason === undefined) {
      ++passed
    } else {
      ++failed
      console.log(`FAILED ${reason}`)
    }
  }
}
tool.close()
console.log(`codecs: ${passed} passed, ${failed} failed`)
process.exitCode = failed === 0 && passed > 0 ? 0 : 1
