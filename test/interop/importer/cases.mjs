// SPDX-License-Identifier: Apache-2.0
// The inputs of check.mjs: fixed ones at the limits of the profiles, and random ones from a seed.
// A tree is a Buffer (a file) or a Map from name to tree (a directory).
import { createCipheriv, createHash } from 'node:crypto'

const KIB = 1024
const MIB = 1024 * KIB

/** Replayable bytes and numbers: an AES-CTR key stream whose key is the hash of the seed. */
export class Stream {
  #cipher

  constructor (seed) {
    const key = createHash('sha256').update(String(seed)).digest()
    this.#cipher = createCipheriv('aes-256-ctr', key, Buffer.alloc(16))
  }

  bytes (size) {
    return this.#cipher.update(Buffer.alloc(size))
  }

  below (bound) {
    return Number(this.bytes(6).readUIntBE(0, 6) % bound)
  }

  pick (list) {
    return list[this.below(list.length)]
  }
}

const LETTERS = [...'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 _-+~%&,;=@äßéñ漢字🙂']

function randomName (stream) {
  const first = stream.pick(LETTERS.slice(0, 62)) // No leading dot: hidden files are their own case.
  const size = stream.below(stream.below(20) === 0 ? 60 : 12)
  return first + Array.from({ length: size }, () => stream.pick(LETTERS)).join('')
}

function randomSize (stream, chunkSize) {
  switch (stream.below(6)) {
    case 0: return 0
    case 1: return chunkSize * (1 + stream.below(3)) + stream.below(3) - 1
    case 2: return stream.below(4 * MIB)
    default: return stream.below(4 * KIB)
  }
}

function randomTree (stream, chunkSize, depth) {
  const tree = new Map()
  for (let i = stream.below(6); i > 0; --i) {
    const below = depth > 0 && stream.below(3) === 0
    tree.set(randomName(stream), below
      ? randomTree(stream, chunkSize, depth - 1)
      : stream.bytes(randomSize(stream, chunkSize)))
  }
  return tree
}

/** `count` one-byte files with names of `nameSize` characters, the last one of `lastNameSize`. */
function wideDirectory (count, nameSize, lastNameSize) {
  const tree = new Map()
  for (let i = 0; i < count; ++i) {
    const size = i === count - 1 ? lastNameSize : nameSize
    tree.set(String(i).padStart(size, i === count - 1 ? 'z' : 'n'), Buffer.from('x'))
  }
  return tree
}

export const PROFILES = {
  'unixfs-v1-2025': { chunkSize: MIB, maxLinks: 1024, rawLeaves: true, full: wideDirectory(4766, 11, 21), over: wideDirectory(4766, 11, 22) },
  'unixfs-v0-2015': { chunkSize: 256 * KIB, maxLinks: 174, rawLeaves: false, full: wideDirectory(4096, 30, 30), over: wideDirectory(4033, 31, 31) }
}

/** A symbolic link; what it leads to need not exist. */
export class Link {
  constructor (target) { this.target = target }
}

/** Yields {name, tree, options}: the same for every run. */
export function * fixedCases (profile) {
  const { chunkSize, full, over } = PROFILES[profile]
  const stream = new Stream('fixed')
  for (const size of [0, 1, 255, 256, chunkSize - 1, chunkSize, chunkSize + 1, 2 * chunkSize, 5 * chunkSize + 17]) {
    yield { name: `a file of ${size} bytes`, tree: stream.bytes(size) }
  }
  if (profile === 'unixfs-v0-2015') {
    yield { name: 'a file of 174 chunks', tree: stream.bytes(174 * chunkSize) }
    yield { name: 'a file of 174 chunks and a byte', tree: stream.bytes(174 * chunkSize + 1) }
  }
  yield { name: 'equal chunks', tree: Buffer.alloc(7 * chunkSize, 'a') }
  yield { name: 'an empty directory', tree: new Map() }
  yield { name: 'directories in directories', tree: new Map([['a', new Map([['b', new Map([['c', new Map()]])]])]]) }
  yield {
    name: 'names that sort by bytes',
    tree: new Map(['b', 'B', 'a.b', 'a', 'a-b', 'ä', 'z', '🙂', '~', 'a b'].map(name => [name, Buffer.from(name)]))
  }
  yield {
    name: 'hidden files',
    options: { hidden: true },
    tree: new Map([['.hidden', Buffer.from('h')], ['.dir', new Map([['x', Buffer.from('x')]])], ['seen', Buffer.from('s')]])
  }
  yield { name: 'a directory at the threshold', tree: full }
  yield { name: 'a directory one byte over the threshold', tree: over }
  yield { name: 'a directory of one-byte files in many shards', tree: wideDirectory(3000, 5, 5), options: { hamtThreshold: 100 } }
}

/** A folder of files only, so many that small thresholds make shards of several levels. */
function randomShards (stream) {
  const tree = new Map()
  for (let i = 2 + stream.below(stream.below(4) === 0 ? 2000 : 200); i > 0; --i) {
    tree.set(randomName(stream) + i, stream.bytes(stream.below(3)))
  }
  return tree
}

function randomMeta (stream) {
  const meta = {}
  // The importer leaves the usual modes (0644, 0755) out, which Kubo and we do not.
  if (stream.below(2) === 0) meta.mode = 0o100 + stream.below(0o300)
  if (meta.mode === undefined || stream.below(2) === 0) {
    // It writes seconds above 2^31 as another number.
    meta.mtime = { secs: BigInt(stream.below(2 ** 32) - 2 ** 31) }
    if (stream.below(2) === 0) meta.mtime.nsecs = 1 + stream.below(999999998)
  }
  return meta
}

/** Options of add, each by itself or several: undefined ones are not given. */
function randomOptions (stream, profile) {
  const options = {}
  const maybe = (name, value) => { if (stream.below(4) === 0) options[name] = value() }
  maybe('cidVersion', () => stream.below(2))
  maybe('rawLeaves', () => stream.below(2) === 0)
  maybe('chunkSize', () => stream.pick([1 + stream.below(64), 1000, 4096, 65536, 2 * MIB - 256]))
  maybe('maxLinks', () => 2 + stream.below(stream.pick([3, 30, 300])))
  maybe('wrap', () => true)
  maybe('hamtThreshold', () => stream.below(5000))
  maybe('meta', () => randomMeta(stream))
  // What follows from what, as add and `ipfs add` have it.
  const version = options.cidVersion
  options.leavesAreRaw = options.rawLeaves ??
    (version === undefined ? PROFILES[profile].rawLeaves : version === 1 && options.meta === undefined)
  return options
}

/** The sizes of all files in the tree. */
function fileSizes (tree) {
  if (tree instanceof Map) return [...tree.values()].flatMap(fileSizes)
  return tree instanceof Link ? [] : [tree.length]
}

/** Whether the importer gives such a case the CID of Kubo. */
function isFair (tree, profile, { leavesAreRaw, meta, hamtThreshold, chunkSize, maxLinks, wrap }) {
  // Its own folder around everything has no metadata, and such a size.
  if (wrap && (meta !== undefined || hamtThreshold !== undefined)) return false
  // It counts folders in folders as nothing when it decides about shards.
  const hasFolders = tree instanceof Map && [...tree.values()].some(child => child instanceof Map)
  if (hamtThreshold !== undefined && hasFolders) return false
  if (meta === undefined) return true
  // It puts the block of an only leaf with a frame into another frame when there is metadata, and
  // gives metadata to every node of a file, not to its root alone.
  const limit = chunkSize ?? PROFILES[profile].chunkSize
  const most = limit * (maxLinks ?? PROFILES[profile].maxLinks)
  return fileSizes(tree).every(size => size <= most && (leavesAreRaw || size > limit))
}

/** Yields `count` random files and folders with random options; the same seed gives the same ones. */
export function * randomCases (profile, seed, count) {
  const usual = PROFILES[profile].chunkSize
  const stream = new Stream(`${seed} ${profile}`)
  for (let i = 0; i < count;) {
    const options = randomOptions(stream, profile)
    const chunkSize = options.chunkSize ?? usual
    // No more than some thousand leaves: tiny chunks come with small files.
    const most = Math.min(4 * MIB, chunkSize * 3000)
    const size = Math.min(randomSize(stream, chunkSize), most)
    const shape = stream.below(4)
    const tree = shape < 2
      ? stream.bytes(size)
      : shape === 2 ? randomShards(stream) : randomTree(stream, Math.min(chunkSize, 64 * KIB), 3)
    if (shape === 3 && stream.below(3) === 0) tree.set('link', new Link(stream.pick(['a', '../b', '/etc/c', 'ä'])))
    if (shape === 3 && chunkSize < 1000) continue
    if (!isFair(tree, profile, options)) continue
    yield { name: `random ${['file', 'file', 'shards', 'folder'][shape]} ${i}`, tree, options }
    ++i
  }
}
