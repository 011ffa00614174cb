// Short messages that go by themselves, read aloud by a screen reader.

import { store, useStore } from '../chain/store'

interface Message {
  id: number
  text: string
}

const messages = store<Message[]>([])
const SHOWN_MS = 6_000
let next = 1

export function toast(text: string): void {
  const id = next++
  messages.set((all) => [...all.slice(-2), { id, text }])
  setTimeout(() => messages.set((all) => all.filter((message) => message.id !== id)), SHOWN_MS)
}

export function Toasts() {
  return (
    <div className="toasts" role="status" aria-live="polite">
      {useStore(messages).map(({ id, text }) => (
        <div key={id} className="toast">
          {text}
        </div>
      ))}
    </div>
  )
}
