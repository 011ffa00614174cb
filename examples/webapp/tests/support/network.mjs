// A development network in processes of its own: node, page, and a ComputeClient in the node or beside it.

import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

const ROOT = new URL('../../../../', import.meta.url).pathname
const MODEL = join(ROOT, 'models/emoji-64')
const DIST = new URL('../../dist/', import.meta.url).pathname

function program(variable, name) {
  const path = process.env[variable] ?? join(process.env.CARGO_TARGET_DIR ?? join(ROOT, 'target'), 'release', name)
  return path
}

/** How long a program may take until it says where it listens. */
const START_MS = 60_000

export class Network {
  #children = new Set()

  constructor() {
    this.folder = mkdtempSync(join(tmpdir(), 'dfsn-webapp-'))
    this.data = join(this.folder, 'node')
  }

  /** Starts the node, at the address that it had before. */
  async start(more = []) {
    const listen = this.url ? new URL(this.url).host : '127.0.0.1:0'
    const args = ['run', '--dev', '--model', MODEL, '--data-dir', this.data, '--listen', listen, `--web=${DIST}`, ...more]
    this.node = this.#spawn(program('FUSIONVM', 'fusionvm'), args)
    this.url = JSON.parse(await firstLine(this.node)).url
    return this.url
  }

  /** Makes the network's genesis without running it, with some parameters of its own, by their groups. */
  async prepare(params) {
    const node = this.#spawn(program('FUSIONVM', 'fusionvm'), ['run', '--dev', '--model', MODEL, '--data-dir', this.data, '--listen', '127.0.0.1:0'])
    await firstLine(node)
    await this.#end(node)
    for (const file of ['chain.redb', 'index.redb', 'gallery.redb']) rmSync(join(this.data, file), { force: true })
    const path = join(this.data, 'genesis.json')
    const genesis = JSON.parse(readFileSync(path, 'utf8'))
    for (const [group, own] of Object.entries(params)) Object.assign(genesis.params[group], own)
    writeFileSync(path, JSON.stringify(genesis))
  }

  /** Makes a ComputeClient that calls in; gives the node's arguments for it. */
  initCompute() {
    const client = program('COMPUTE_CLIENT', 'compute-client')
    const key = JSON.parse(run(program('FUSIONVM', 'fusionvm'), ['keys', '--dev'])).node
    this.config = join(this.folder, 'compute-client.toml')
    const init = (more) => JSON.parse(run(client, ['--config', this.config, 'init', '--json', '--node', key, '--model', MODEL, ...more]))
    this.computeKey = init([]).public_key
    this.redial = (url) => {
      rmSync(this.config)
      init(['--dial', url.replace('http', 'ws')])
      writeFileSync(this.config, readFileSync(this.config, 'utf8').replace('127.0.0.1:9464', '127.0.0.1:0'))
    }
    return ['--compute', this.computeKey]
  }

  startCompute() {
    this.redial(this.url)
    this.compute = this.#spawn(program('COMPUTE_CLIENT', 'compute-client'), ['--config', this.config, 'run', '--plain'])
  }

  /** Kills a process as a power cut does. */
  async kill(child) {
    child.kill('SIGKILL')
    await ended(child)
    this.#children.delete(child)
  }

  async stopNode() {
    await this.#end(this.node)
  }

  async #end(child) {
    child.kill('SIGTERM')
    await ended(child)
    this.#children.delete(child)
  }

  async close() {
    for (const child of [...this.#children]) await this.kill(child)
    rmSync(this.folder, { recursive: true, force: true })
  }

  #spawn(path, args) {
    const child = spawn(path, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, RUST_LOG: process.env.RUST_LOG ?? 'warn' } })
    child.stderr.on('data', (text) => process.env.DFSN_LOG && process.stderr.write(text))
    child.on('error', (error) => {
      console.error(`${path}: ${error.message}; build it with cargo xtask webapp --test, or name it by FUSIONVM and COMPUTE_CLIENT`)
    })
    this.#children.add(child)
    return child
  }

  async rpc(method, params = [], path = '/') {
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })
    const response = await fetch(this.url + path, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
    const { result, error } = await response.json()
    if (error) throw Object.assign(new Error(error.message), { code: error.code })
    return result
  }
}

const ended = (child) => (child.exitCode === null && child.signalCode === null ? once(child, 'exit') : undefined)

function run(path, args) {
  const { status, stdout, stderr, error } = spawnSync(path, args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${path} ${args.join(' ')}: ${error?.message ?? stderr}`)
  return stdout
}

async function firstLine(child) {
  const lines = createInterface({ input: child.stdout })
  const timer = setTimeout(() => child.kill('SIGKILL'), START_MS)
  try {
    for await (const line of lines) return line
    throw new Error(`a program ended before it said where it listens (${child.spawnfile})`)
  } finally {
    clearTimeout(timer)
    child.stdout.resume()
  }
}
