// What the node tells by itself, over one WebSocket: blocks without a gap, and the steps of workers. A connection that breaks is
// made again and goes on at the block after the last one told.

import type { Notification } from './types'

export type Link = 'connecting' | 'online' | 'offline'
type Listener = (notification: Notification) => void

const FIRST_PAUSE_MS = 500
const LONGEST_PAUSE_MS = 8_000
/** Silence after which the connection is tried with a call. */
const QUIET_MS = 15_000

class Feed {
  #listeners = new Set<Listener>()
  #watchers = new Set<() => void>()
  #link: Link = 'connecting'
  #socket: WebSocket | undefined
  #next: number | null = null
  #pause = FIRST_PAUSE_MS
  #timer: ReturnType<typeof setTimeout> | undefined
  #quiet: ReturnType<typeof setTimeout> | undefined

  /** Begins, at a height where work from before is still open. */
  start(from: number | null): void {
    if (this.#socket || this.#timer) return
    this.#next = from
    this.#connect()
    addEventListener('online', () => this.#again(0))
    addEventListener('offline', () => this.#socket?.close())
  }

  listen(listener: Listener): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  get link(): Link {
    return this.#link
  }

  watch = (watcher: () => void): (() => void) => {
    this.#watchers.add(watcher)
    return () => void this.#watchers.delete(watcher)
  }

  #set(link: Link): void {
    if (this.#link === link) return
    this.#link = link
    for (const watcher of this.#watchers) watcher()
  }

  #again(after: number): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      if (!this.#socket) this.#connect()
    }, after)
  }

  #connect(): void {
    const socket = new WebSocket(`${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/`)
    this.#socket = socket
    socket.onopen = () => {
      socket.send(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'dfsn_subscribe', params: [this.#next, null] }))
      this.#listenFor(socket)
    }
    socket.onmessage = ({ data }) => {
      this.#listenFor(socket)
      this.#take(String(data))
    }
    socket.onclose = () => {
      clearTimeout(this.#quiet)
      this.#socket = undefined
      this.#set('offline')
      this.#again(this.#pause)
      this.#pause = Math.min(2 * this.#pause, LONGEST_PAUSE_MS)
    }
  }

  /** A connection whose other end is gone says nothing: ask, and give it up without an answer. */
  #listenFor(socket: WebSocket): void {
    clearTimeout(this.#quiet)
    this.#quiet = setTimeout(() => {
      socket.send(JSON.stringify({ jsonrpc: '2.0', id: 2, method: 'dfsn_syncing', params: [] }))
      this.#quiet = setTimeout(() => socket.close(), QUIET_MS)
    }, QUIET_MS)
  }

  #take(text: string): void {
    const message = JSON.parse(text) as { id?: number; params?: { result?: Notification } }
    if (message.id === 1) {
      this.#pause = FIRST_PAUSE_MS
      this.#set('online')
    }
    const notification = message.params?.result
    if (!notification) return
    if (notification.kind === 'block') this.#next = notification.height + 1
    for (const listener of this.#listeners) listener(notification)
  }
}

export const feed = new Feed()
