import './styles/tokens.css'
import './styles/base.css'
import './styles/shell.css'
import './styles/parts.css'
import './styles/pictures.css'

import { QueryClientProvider } from '@tanstack/react-query'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { App, loadPages } from './app'
import { client, follow } from './chain/queries'
import { openSince, resumeRuns } from './imagine/runs'
import { applyTheme } from './ui/theme'
import { resume } from './wallet/wallet'

applyTheme()
resume()
follow(openSince())
resumeRuns()
loadPages()

const root = document.getElementById('root')
if (root) {
  createRoot(root).render(
    <StrictMode>
      <QueryClientProvider client={client}>
        <App />
      </QueryClientProvider>
    </StrictMode>,
  )
}
