// SPDX-License-Identifier: Apache-2.0
// Mints the CID of each case with the UnixFS importer of Helia and compares it with what
// `BINARY add -Q --only-hash --profile P PATH` prints. The last line says "N passed, N failed".
// usage: node check.mjs BINARY [--seed N] [--cases N]     (test/interop/importer/run installs what it needs)
import { execFile } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { importer } from 'ipfs-unixfs-importer'
import { fixedCases, PROFILES, randomCases } from './cases.mjs'

const EXIT_UNSUPPORTED = 6
const ROOT = 'root'
const nowhere = { async put (cid) { return cid } }

/** What the importer wants: one candidate for each file and directory, paths from the root. */
function * candidates (tree, path) {
  if (!(tree instanceof Map)) {
    yield { path, content: tree }
    return
  }
  yield { path }
  for (const [name, child] of tree) yield * candidates(child, `${path}/${name}`)
}

async function oracleCid (tree, profile) {
  let root
  for await (const entry of importer(candidates(tree, ROOT), nowhere, { profile })) {
    if (entry.path === ROOT) root = entry.cid
  }
  return root.toString()
}

async function write (tree, path) {
  if (!(tree instanceof Map)) return await writeFile(path, tree)
  await mkdir(path)
  for (const [name, child] of tree) await write(child, join(path, name))
}

function add (binary, home, profile, path, hidden) {
  const flags = ['add', '-Q', '--only-hash', '--profile', profile, ...(hidden ? ['--hidden'] : []), path]
  const env = { ...process.env, IPFS_ACCELERATE_HOME: home }
  return new Promise(resolve => {
    execFile(binary, flags, { env }, (error, stdout, stderr) => {
      const code = error == null ? 0 : error.code ?? error.signal
      resolve({ code, cid: stdout.trim(), stderr: stderr.trim() })
    })
  })
}

/** The reason why the case failed, or undefined. */
async function compare (binary, work, profile, { tree, hidden, sharded }) {
  const path = join(work, ROOT)
  await write(tree, path)
  try {
    const got = await add(binary, join(work, 'home'), profile, path, hidden)
    if (sharded) { // Until sharded directories exist here, they must be refused and nothing printed.
      const refused = got.code === EXIT_UNSUPPORTED && got.cid === ''
      return refused ? undefined : `expected exit code ${EXIT_UNSUPPORTED}, got ${got.code}: ${got.cid} ${got.stderr}`
    }
    if (got.code !== 0) return `exit code ${got.code}: ${got.stderr}`
    const want = await oracleCid(tree, profile)
    return got.cid === want ? undefined : `printed ${got.cid}, the importer says ${want}`
  } finally {
    await rm(path, { recursive: true })
  }
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seed: { type: 'string' }, cases: { type: 'string', default: '40' } }
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
    for (const cases of [fixedCases(profile), randomCases(profile, seed, Number(values.cases))]) {
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
