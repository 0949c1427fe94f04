// SPDX-License-Identifier: Apache-2.0
// A home of our own in a temporary folder, its commands, and its daemon with a gateway on loopback.
import { execFile, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'

const MOST_OUTPUT_BYTES = 64 << 20

export class Home {
  static async make (binary) {
    const folder = await mkdtemp(join(tmpdir(), 'accel-helia-'))
    return new Home(binary, folder)
  }

  constructor (binary, folder) {
    this.binary = binary
    this.folder = folder
    this.env = { ...process.env, IPFS_ACCELERATE_HOME: join(folder, 'home'), IPFS_ACCELERATE_GATEWAY_ROUTING: 'write' }
  }

  async run (...flags) {
    const { stdout } = await promisify(execFile)(this.binary, flags, { env: this.env, maxBuffer: MOST_OUTPUT_BYTES })
    return stdout.trim()
  }

  async add (path, ...flags) { return this.run('add', '-Q', ...flags, path) }

  async start (...flags) {
    const options = { env: this.env, stdio: ['ignore', 'pipe', 'inherit'] }
    this.daemon = spawn(this.binary, ['daemon', '--gateway', '127.0.0.1:0', '--json', ...flags], options)
    const lines = createInterface({ input: this.daemon.stdout })
    const { value, done } = await lines[Symbol.asyncIterator]().next()
    if (done) throw new Error('the daemon did not start')
    this.gateway = JSON.parse(value).gateway
  }

  async stop () {
    if (this.daemon !== undefined) {
      const ended = new Promise(resolve => this.daemon.once('exit', resolve))
      this.daemon.kill('SIGINT')
      await ended
    }
    await rm(this.folder, { recursive: true })
  }
}
