// What pages read from the node. Answers are kept fresh by the blocks that the feed tells of.

import { QueryClient, useQuery, type UseQueryResult } from '@tanstack/react-query'
import { toDfsn } from './address'
import { feed } from './feed'
import { take } from './jobs'
import { reach, rpc, RpcError } from './rpc'
import {
  type AccountInfo,
  type BlockInfo,
  eventOf,
  type GenerationParams,
  type Hash,
  type Hex,
  type JobInfo,
  type NetworkInfo,
  type Quote,
  type ValidatorInfo,
} from './types'

export const client = new QueryClient({
  defaultOptions: {
    mutations: { networkMode: 'always' },
    queries: {
      // A node that is away is waited for; a refusal stays one.
      retry: (failures, error) => failures < 3 && error instanceof RpcError && error.isOffline,
      retryDelay: (failures) => Math.min(500 * 2 ** failures, 8_000),
      staleTime: 5_000,
      // The node may be on this machine: what counts is whether it answers, not whether there is a network.
      networkMode: 'always',
    },
  },
})

/** Follows the node: blocks make answers stale, a connection made again does so for all of them. */
export function follow(from: number | null): void {
  let pending: ReturnType<typeof setTimeout> | undefined
  feed.listen((notification) => {
    take(notification)
    if (notification.kind !== 'block') return
    for (const event of notification.events) {
      const { job } = eventOf(event)[1]
      if (job) void client.invalidateQueries({ queryKey: ['job', job] })
    }
    if (notification.events.length === 0 && notification.receipts.length === 0) return
    pending ??= setTimeout(() => {
      pending = undefined
      for (const key of ['account', 'validators', 'jobs', 'gallery']) void client.invalidateQueries({ queryKey: [key] })
    }, 400)
  })
  let last = feed.link
  feed.watch(() => {
    if (feed.link === 'online' && last === 'offline') void client.invalidateQueries()
    last = feed.link
  })
  feed.start(from)
}

export const useNetwork = (): UseQueryResult<NetworkInfo> =>
  useQuery({ queryKey: ['network'], queryFn: () => rpc<NetworkInfo>('dfsn_network'), staleTime: 30_000 })

export const readAccount = (address: string): Promise<{ height: number; answer: AccountInfo }> =>
  rpc('dfsn_getAccount', [address])

export const useAccount = (address: Hex | null): UseQueryResult<AccountInfo> =>
  useQuery({
    queryKey: ['account', address],
    queryFn: async () => (await readAccount(toDfsn(address as Hex))).answer,
    enabled: address !== null,
  })

export const useQuote = (params: GenerationParams | null): UseQueryResult<Quote | null> =>
  useQuery({
    // The prompt moves no price, so typing asks for none.
    queryKey: ['quote', params && { ...params, prompt: '', negative_prompt: '', seed: 0 }],
    queryFn: () => rpc<Quote | null>('dfsn_quote', [params]),
    enabled: params !== null,
    placeholderData: (last) => last,
    staleTime: 15_000,
  })

export const useJob = (id: Hash): UseQueryResult<JobInfo | null> =>
  useQuery({
    queryKey: ['job', id],
    queryFn: async () => (await rpc<{ answer: JobInfo | null }>('dfsn_getJob', [id])).answer,
  })

export const useOpenJobs = (): UseQueryResult<JobInfo[]> =>
  useQuery({
    queryKey: ['jobs', 'open'],
    queryFn: async () => (await rpc<{ jobs: JobInfo[] }>('dfsn_getJobs', [{ ended: false }])).jobs,
  })

export const useValidators = (): UseQueryResult<ValidatorInfo[]> =>
  useQuery({ queryKey: ['validators'], queryFn: () => rpc<ValidatorInfo[]>('dfsn_getValidators') })

export const useBlocks = (height: number | undefined): UseQueryResult<BlockInfo[]> =>
  useQuery({
    queryKey: ['blocks', height],
    queryFn: () => rpc<BlockInfo[]>('dfsn_getBlocks', [Math.max(1, (height ?? 1) - 23)]),
    enabled: height !== undefined,
    placeholderData: (last) => last,
  })

/** Where a picture of a job is. */
export const pictureUrl = (file: Hash): string => `/blobs/${file}`

export async function fetchPicture(file: Hash): Promise<Uint8Array<ArrayBuffer>> {
  const response = await reach(pictureUrl(file))
  if (!response.ok) throw new RpcError('This node no longer has the picture.', -32_013)
  return new Uint8Array(await response.arrayBuffer())
}
