// The height of the last block that the node told of.

import { feed } from './feed'
import { store, useStore } from './store'

const tip = store<number | null>(null)

feed.listen((notification) => {
  if (notification.kind === 'block') tip.set(notification.height)
})

export const useTip = (): number | null => useStore(tip)
