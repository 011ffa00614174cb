// Calls of a node: the one that serves this page.

/** Why there is no answer. */
export class RpcError extends Error {
  override readonly name = 'RpcError'
  constructor(
    message: string,
    /** JSON-RPC's code; 0 where the node was not reached. */
    readonly code: number,
  ) {
    super(message)
  }
  /** Whether the same call may succeed later. */
  get isOffline(): boolean {
    return this.code === 0 || this.code === -32_011 || this.code === -32_012
  }
}

const TIMEOUT_MS = 20_000
let next = 1

/** One call; what comes is as the node says, and believed as far as the page says so. */
export async function rpc<T>(method: string, params: unknown[] = [], path = '/'): Promise<T> {
  const response = await reach(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ jsonrpc: '2.0', id: next++, method, params }),
  })
  return result(await json(response)) as T
}

/** The same call for several parameters, in one request. */
export async function rpcEach<T>(method: string, all: unknown[][], path = '/'): Promise<T[]> {
  if (all.length === 0) return []
  const first = next
  next += all.length
  const calls = all.map((params, place) => ({ jsonrpc: '2.0', id: first + place, method, params }))
  const response = await reach(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(calls),
  })
  const answers: unknown = await response.clone().json().catch(() => null)
  // What is no list is one error for all of them.
  if (!Array.isArray(answers)) return result(await json(response)) as T[]
  const byId = new Map(answers.filter(isRecord).map((answer) => [answer.id, answer]))
  return calls.map(({ id }) => result(byId.get(id) ?? { error: {} }) as T)
}

function result(answer: Record<string, unknown>): unknown {
  if (isRecord(answer.error)) {
    throw new RpcError(plain(String(answer.error.message ?? 'no reason given')), Number(answer.error.code ?? -32_000))
  }
  return answer.result
}

/** A plain HTTP request to the node. */
export async function reach(path: string, init?: RequestInit): Promise<Response> {
  try {
    return await fetch(path, { ...init, signal: init?.signal ?? AbortSignal.timeout(TIMEOUT_MS) })
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error
    throw new RpcError('The node cannot be reached.', 0)
  }
}

async function json(response: Response): Promise<Record<string, unknown>> {
  if (response.status === 429) throw new RpcError('The node asks you to slow down.', -32_012)
  const answer: unknown = await response.json().catch(() => null)
  if (!isRecord(answer)) throw new RpcError(`The node answers with HTTP status ${response.status}.`, 0)
  return answer
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** A message of the node as a line of text. */
const plain = (message: string): string => message.replace(/\s+/g, ' ').slice(0, 400)
