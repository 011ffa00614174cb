// Dark or light: what the system prefers, until somebody chooses.

import { keptStore } from '../chain/store'

export type Theme = 'dark' | 'light'

const isTheme = (value: unknown): value is Theme => value === 'dark' || value === 'light'
const preferred = (): Theme => (matchMedia('(prefers-color-scheme: light)').matches ? 'light' : 'dark')

export const theme = keptStore<Theme | null>('dfsn.theme', null, (value) => (isTheme(value) ? value : null))

export const shownTheme = (): Theme => theme.get() ?? preferred()

export function applyTheme(): void {
  const apply = () => {
    document.documentElement.dataset.theme = shownTheme()
  }
  apply()
  theme.subscribe(apply)
  matchMedia('(prefers-color-scheme: light)').addEventListener('change', apply)
}
