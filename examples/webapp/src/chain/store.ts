// A value that components follow.

import { useSyncExternalStore } from 'react'

export interface Store<T> {
  get(): T
  set(next: T | ((last: T) => T)): void
  subscribe(watcher: () => void): () => void
}

export function store<T>(value: T): Store<T> {
  const watchers = new Set<() => void>()
  return {
    get: () => value,
    set(next) {
      const changed = typeof next === 'function' ? (next as (last: T) => T)(value) : next
      if (Object.is(changed, value)) return
      value = changed
      for (const watcher of watchers) watcher()
    },
    subscribe(watcher) {
      watchers.add(watcher)
      return () => void watchers.delete(watcher)
    },
  }
}

export const useStore = <T>(of: Store<T>): T => useSyncExternalStore(of.subscribe, of.get)

/** A store that the browser keeps. What is kept is read by `parse`, since it may be of another version or of nobody's making. */
export function keptStore<T>(name: string, fallback: T, parse: (value: unknown) => T | null): Store<T> {
  let first = fallback
  try {
    const text = localStorage.getItem(name)
    if (text !== null) first = parse(JSON.parse(text)) ?? fallback
  } catch {
    // Private windows may keep nothing, and what is kept may be damaged.
  }
  const kept = store(first)
  kept.subscribe(() => {
    try {
      localStorage.setItem(name, JSON.stringify(kept.get()))
    } catch {
      // Full, or not allowed: the page goes on without.
    }
  })
  return kept
}
