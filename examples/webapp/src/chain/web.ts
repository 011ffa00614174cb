// What the node that serves this page knows beside the chain: how coins are had, and a gallery.

import { useQuery, type UseQueryResult } from '@tanstack/react-query'
import { reach, RpcError } from './rpc'
import type { Address, Hash, JobInfo } from './types'

export interface Web {
  /** Coins of this network are worth nothing. */
  dev: boolean
  faucet: { amount: string; every_seconds: number } | null
  /** Where coins are bought. */
  buy: string | null
  /** Whether the files of its model can be had, to redo steps here. */
  model: boolean
}

export interface Shot {
  job: JobInfo
  height: number
  timestamp: number
  shares: number
}

export interface JobHistory {
  height: number
  timestamp: number
  heights: number[]
  shares: number
  listed: boolean
}

async function get<T>(path: string): Promise<T> {
  const response = await reach(path)
  if (!response.ok) throw new RpcError((await response.text()).slice(0, 300) || `HTTP status ${response.status}`, response.status)
  return (await response.json()) as T
}

async function post<T>(path: string, body: unknown): Promise<T> {
  const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
  const response = await reach(path, init)
  if (!response.ok) throw new RpcError((await response.text()).trim().slice(0, 300), response.status)
  return (await response.json()) as T
}

export const useWeb = (): UseQueryResult<Web> =>
  useQuery({ queryKey: ['web'], queryFn: () => get<Web>('/web'), staleTime: Number.POSITIVE_INFINITY })

export const useJobHistory = (job: Hash): UseQueryResult<JobHistory | null> =>
  useQuery({
    queryKey: ['job', job, 'history'],
    queryFn: () =>
      get<JobHistory>(`/web/jobs/${job}`).catch((error: unknown) => {
        if (error instanceof RpcError && error.code === 404) return null
        throw error
      }),
  })

export type Order = 'newest' | 'shared'

export const gallery = (
  query: { order?: Order; requester?: Address; from?: string | null; limit?: number },
): Promise<{ jobs: Shot[]; next: string | null }> => {
  const text = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) if (value != null) text.set(name, String(value))
  return get(`/web/jobs?${text}`)
}

export const countShare = (job: Hash): Promise<{ shares: number }> => post(`/web/jobs/${job}/share`, {})

/** What a requester signs so that a job is not listed. */
export const unlistText = (job: Hash): string => `DAOFusion: do not list job ${job}`
export const unlist = (job: Hash, signature: string): Promise<unknown> => post(`/web/jobs/${job}/unlist`, { signature })

export const askFaucet = (address: Address): Promise<{ transaction: Hash; amount: string }> => post('/faucet', { address })
