// The page's end of the worker that checks.

import workerUrl from './worker?worker&url'
import type { Answered, Asked } from './worker'

type Tell = (progress: string, done: number) => void

let worker: Worker | undefined
let next = 1
const waiting = new Map<number, { done: (result: unknown) => void; failed: (error: Error) => void; tell?: Tell }>()

/** The page's policy lets scripts come from this origin only, and wants to be told that this one does. */
function trusted(url: string): string {
  const factory = (globalThis as { trustedTypes?: { createPolicy(name: string, rules: object): { createScriptURL(url: string): string } } })
    .trustedTypes
  if (!factory) return url
  const createScriptURL = (asked: string) => {
    if (new URL(asked, location.href).origin !== location.origin) throw new TypeError('another origin')
    return asked
  }
  return factory.createPolicy('dfsn', { createScriptURL }).createScriptURL(url)
}

function start(): Worker {
  if (worker) return worker
  const started = new Worker(trusted(workerUrl), { type: 'module' })
  started.onmessage = ({ data }: MessageEvent<Answered>) => {
    const asked = waiting.get(data.id)
    if (!asked) return
    if ('progress' in data) return asked.tell?.(data.progress, data.done)
    waiting.delete(data.id)
    if ('error' in data) asked.failed(new Error(data.error))
    else asked.done(data.result)
  }
  started.onerror = () => {
    for (const { failed } of waiting.values()) failed(new Error('The checking program stopped. Reload the page to try again.'))
    waiting.clear()
    started.terminate()
    worker = undefined
  }
  worker = started
  return started
}

export function ask<T>(asked: Omit<Asked, 'id'>, tell?: Tell): Promise<T> {
  const id = next++
  return new Promise<T>((done, failed) => {
    waiting.set(id, { done: done as (result: unknown) => void, failed, ...(tell ? { tell } : {}) })
    start().postMessage({ ...asked, id })
  })
}
