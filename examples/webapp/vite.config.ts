import react from '@vitejs/plugin-react'
import { defineConfig } from 'vitest/config'

/** Where `npm run dev` finds a node; what is built talks to the node that serves it. */
const NODE = process.env.DFSN_NODE ?? 'http://127.0.0.1:9750'
const PATHS = ['/eth', '/blobs', '/faucet', '/health', '/web', '/model']

export default defineConfig({
  plugins: [react()],
  build: {
    target: 'es2022',
    // The page's policy lets no data: URL be a script, and small files are cached as well as large ones.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  server: {
    proxy: {
      ...Object.fromEntries(PATHS.map((path) => [path, { target: NODE }])),
      // Calls have the same path as the page.
      '^/$': { target: NODE, ws: true, bypass: ({ method, url }) => (method === 'GET' ? url : undefined) },
    },
  },
  test: { include: ['src/**/*.test.ts'] },
})
