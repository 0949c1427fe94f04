// SPDX-License-Identifier: Apache-2.0
// Mints the CID of each case with the UnixFS importer of Helia and compares it with what
// `BINARY add -Q --only-hash --profile P PATH` prints. The last line says "N passed, N failed".
// usage: node check.mjs BINARY [--seed N] [--cases N]     (test/interop/importer/run installs what it needs)
import { execFile } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { importer } from 'ipfs-unixfs-importer'
import { fixedSize } from 'ipfs-unixfs-importer/chunker'
import { balanced } from 'ipfs-unixfs-importer/layout'
import { fixedCases, Link, PROFILES, randomCases } from './cases.mjs'

const ROOT = 'root'
const nowhere = { async put (cid) { return cid } }

/** What the importer wants: one candidate for each file, link and directory, paths from the root. */
function * candidates (tree, path, meta) {
  if (tree instanceof Link) {
    yield { path, link: tree.target, mtime: meta.mtime }
  } else if (!(tree instanceof Map)) {
    yield { path, content: tree, ...meta }
  } else {
    yield { path, ...meta }
    for (const [name, child] of tree) yield * candidates(child, `${path}/${name}`, meta)
  }
}

async function oracleCid (tree, profile, options) {
  const given = {
    profile,
    cidVersion: options.cidVersion,
    rawLeaves: options.leavesAreRaw,
    shardSplitThresholdBytes: options.hamtThreshold,
    wrapWithDirectory: options.wrap,
    chunker: fixedSize({ chunkSize: options.chunkSize ?? PROFILES[profile].chunkSize }),
    layout: balanced({ maxChildrenPerNode: options.maxLinks ?? PROFILES[profile].maxLinks })
  }
  let root
  for await (const entry of importer(candidates(tree, ROOT, options.meta ?? {}), nowhere, given)) {
    if (entry.path === (options.wrap ? '' : ROOT)) root = entry.cid
  }
  return root.toString()
}

async function write (tree, path) {
  if (tree instanceof Link) return await symlink(tree.target, path)
  if (!(tree instanceof Map)) return await writeFile(path, tree)
  await mkdir(path)
  for (const [name, child] of tree) await write(child, join(path, name))
}

function flagsOf (options) {
  const { cidVersion, rawLeaves, chunkSize, maxLinks, hamtThreshold, hidden, wrap, meta } = options
  const flags = []
  if (hidden) flags.push('--hidden')
  if (wrap) flags.push('--wrap-with-directory')
  if (cidVersion !== undefined) flags.push('--cid-version', cidVersion)
  if (rawLeaves !== undefined) flags.push(`--raw-leaves=${rawLeaves}`)
  if (chunkSize !== undefined) flags.push('--chunker', `size-${chunkSize}`)
  if (maxLinks !== undefined) flags.push('--max-file-links', maxLinks)
  if (hamtThreshold !== undefined) flags.push('--hamt-threshold', hamtThreshold)
  if (meta?.mode !== undefined) flags.push('--mode', `0${meta.mode.toString(8)}`)
  if (meta?.mtime !== undefined) flags.push(`--mtime=${meta.mtime.secs}`)
  if (meta?.mtime?.nsecs !== undefined) flags.push('--mtime-nsecs', meta.mtime.nsecs)
  return flags.map(String)
}

function add (binary, home, profile, path, options) {
  const flags = ['add', '-Q', '--only-hash', '--profile', profile, ...flagsOf(options), path]
  const env = { ...process.env, IPFS_ACCELERATE_HOME: home }
  return new Promise(resolve => {
    execFile(binary, flags, { env }, (error, stdout, stderr) => {
      const code = error == null ? 0 : error.code ?? error.signal
      resolve({ code, cid: stdout.trim(), stderr: stderr.trim() })
    })
  })
}

/** The reason why the case failed, or undefined. */
async function compare (binary, work, profile, { tree, options = {} }) {
  const path = join(work, ROOT)
  await write(tree, path)
  try {
    const got = await add(binary, join(work, 'home'), profile, path, options)
    const shown = flagsOf(options).join(' ')
    if (got.code !== 0) return `exit code ${got.code} with ${shown}: ${got.stderr}`
    const want = await oracleCid(tree, profile, options)
    return got.cid === want ? undefined : `printed ${got.cid} with ${shown}, the importer says ${want}`
  } finally {
    await rm(path, { recursive: true })
  }
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seed: { type: 'string' }, cases: { type: 'string', default: process.env.INTEROP_CASES ?? '1000' } }
})
if (positionals.length !== 1) {
  console.error('usage: check.mjs BINARY [--seed N] [--cases N]')
  process.exit(2)
}
const seed = values.seed ?? String(randomInt(2 ** 32))
console.log(`importer: seed ${seed} (replay with --seed ${seed})`)

const work = await mkdtemp(join(tmpdir(), 'accel-importer-'))
let passed = 0
let failed = 0
try {
  for (const profile of Object.keys(PROFILES)) {
    for (const cases of [fixedCases(profile), randomCases(profile, seed, Math.ceil(Number(values.cases) / 2))]) {
      for (const one of cases) {
        const reason = await compare(positionals[0], work, profile, one)
        if (reason === undefined) {
          ++passed
        } else {
          ++failed
          console.log(`FAILED ${profile}, ${one.name}: ${reason}`)
        }
      }
    }
  }
} finally {
  await rm(work, { recursive: true })
}
console.log(`importer: ${passed} passed, ${failed} failed`)
process.exitCode = failed === 0 && passed > 0 ? 0 : 1
