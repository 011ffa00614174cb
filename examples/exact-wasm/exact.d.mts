export interface Drawn {
  height: number
  width: number
  digest: string
  /** Red, green and blue, row by row. */
  pixels: Uint8Array
  /** The state before the first step and after each, then the decoder's output. */
  boundaries: Uint8Array[]
}

export interface PictureFile {
  file: string
  file_bytes: number
  pixels: string
  width: number
  height: number
  /** What it says of itself, in the JSON form of `dfsn_compute::Provenance`. */
  claim: Claim | null
  problem: string | null
}

export interface Claim {
  params: Record<string, unknown>
  image: number
  job?: string
  worker?: string
  trace_root?: string
}

export interface ProvenJob {
  /** In the JSON form of `dfsn_types::JobRecord`. */
  record: Record<string, unknown> | null
  height: number
  block: string
  checkpoint: number | null
}

export class Program {
  static open(program: WebAssembly.Module | BufferSource): Promise<Program>
  readPicture(file: Uint8Array): PictureFile
  checkJob(claim: object): ProvenJob
}

export class ExactModel extends Program {
  static load(program: WebAssembly.Module | BufferSource, files: Iterable<[string, Uint8Array]>): Promise<ExactModel>
  /** The model's name on chain. */
  model: string
  /** The kernels. */
  isa: string
  draw(request: object): Drawn
  answer(request: object, boundary: number, before?: Uint8Array): Uint8Array
  redo(claim: object, state: Uint8Array, init?: Uint8Array): { committed: string; computed: string; same: boolean }
}
