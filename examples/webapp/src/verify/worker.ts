// Checks, in a thread of its own: hashes, proofs and arithmetic in WebAssembly, so that the page stays responsive.

import { ExactModel, type PictureFile, Program, type ProvenJob } from '../../../exact-wasm/exact.mjs'
import { reach } from '../chain/rpc'

export interface Asked {
  id: number
  kind: 'read' | 'check' | 'redo'
  /** A picture's file. */
  file?: Uint8Array
  /** For `check` and `redo`, as exact.mjs says. */
  claim?: object
  state?: Uint8Array
  init?: Uint8Array
}

export type Answered =
  | { id: number; progress: string; done: number }
  | { id: number; result: unknown }
  | { id: number; error: string }

export interface Redone {
  committed: string
  computed: string
  same: boolean
  /** Kernels of WebAssembly that computed it. */
  isa: string
  /** How long the step took, in milliseconds. */
  took: number
}

let compiled: Promise<WebAssembly.Module> | undefined
let program: Promise<Program> | undefined
let model: Promise<ExactModel> | undefined

const compile = (): Promise<WebAssembly.Module> => {
  compiled ??= WebAssembly.compileStreaming(reach('/wasm/exact_wasm.wasm'))
  return compiled
}

const open = (): Promise<Program> => {
  program ??= compile().then((module) => Program.open(module))
  return program
}

/** Fetches the model's files, of which the program makes its own name for it. */
async function load(tell: (progress: string, done: number) => void): Promise<ExactModel> {
  const listed = (await (await reach('/web/files')).json()) as { files: string[] }
  const files: [string, Uint8Array][] = []
  for (const [place, name] of listed.files.entries()) {
    tell(`Fetching the model: ${name}`, (0.6 * place) / listed.files.length)
    const response = await reach(`/web/model/${name}`)
    if (!response.ok) throw new Error(`This node does not give ${name}.`)
    files.push([name, new Uint8Array(await response.arrayBuffer())])
  }
  tell('Preparing the model’s weights', 0.65)
  return ExactModel.load(await compile(), files)
}

async function redo(asked: Asked, tell: (progress: string, done: number) => void): Promise<Redone> {
  model ??= load(tell)
  // A failure may pass: the next one loads again.
  model.catch(() => {
    model = undefined
  })
  const loaded = await model
  tell('Computing the step', 0.9)
  const start = performance.now()
  const redone = loaded.redo(asked.claim ?? {}, asked.state ?? new Uint8Array(), asked.init ?? new Uint8Array())
  return { ...redone, isa: loaded.isa, took: performance.now() - start }
}

async function answer(asked: Asked, tell: (progress: string, done: number) => void): Promise<PictureFile | ProvenJob | Redone> {
  switch (asked.kind) {
    case 'read':
      return (await open()).readPicture(asked.file ?? new Uint8Array())
    case 'check':
      return (await open()).checkJob(asked.claim ?? {})
    case 'redo':
      return redo(asked, tell)
  }
}

self.onmessage = ({ data }: MessageEvent<Asked>) => {
  const { id } = data
  const say = (answered: Answered) => self.postMessage(answered)
  answer(data, (progress, done) => say({ id, progress, done })).then(
    (result) => say({ id, result }),
    (error: unknown) => say({ id, error: error instanceof Error ? error.message : String(error) }),
  )
}
