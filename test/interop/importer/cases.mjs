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
  'unixfs-v1-2025': { chunkSize: MIB, full: wideDirectory(4766, 11, 21), over: wideDirectory(4766, 11, 22) },
  'unixfs-v0-2015': { chunkSize: 256 * KIB, full: wideDirectory(4096, 30, 30), over: wideDirectory(4033, 31, 31) }
}

/** Yields {name, tree, hidden?, sharded?}: the same for every run. */
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
    hidden: true,
    tree: new Map([['.hidden', Buffer.from('h')], ['.dir', new Map([['x', Buffer.from('x')]])], ['seen', Buffer.from('s')]])
  }
  yield { name: 'a directory at the threshold', tree: full }
  yield { name: 'a directory one byte over the threshold', tree: over, sharded: true }
}

/** Yields `count` random files and folders; the same seed gives the same ones. */
export function * randomCases (profile, seed, count) {
  const { chunkSize } = PROFILES[profile]
  const stream = new Stream(`${seed} ${profile}`)
  for (let i = 0; i < count; ++i) {
    if (i % 2 === 0) {
      const size = randomSize(stream, chunkSize)
      yield { name: `random file ${i} of ${size} bytes`, tree: stream.bytes(size) }
    } else {
      yield { name: `random folder ${i}`, tree: randomTree(stream, chunkSize, 3) }
    }
  }
}
