// A wallet in the page, found by EIP-6963, whose signatures are real: a local account of viem answers for it.

import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'

const CODES = { rejected: 4001, unknownChain: 4902 }

export class Wallet {
  /** What the person behind it does next: `approve` or `reject`. */
  mood = 'approve'
  /** What was asked of it, for tests to look at. */
  asked = []

  constructor(network) {
    this.network = network
    this.account = privateKeyToAccount(generatePrivateKey())
    this.chains = new Set(['0x1'])
    this.chain = '0x1'
    this.isConnected = false
  }

  /** Puts it into all pages of a browser's context. */
  async install(context) {
    await context.exposeBinding('dfsnTestWallet', async (_, asked) => {
      try {
        return { result: await this.request(asked) }
      } catch (error) {
        return { error: { code: error.code ?? -32_603, message: error.message } }
      }
    })
    await context.addInitScript(() => {
      const listeners = {}
      const provider = {
        async request(asked) {
          const { result, error } = await globalThis.dfsnTestWallet(asked)
          if (error) throw error
          return result
        },
        on: (event, listener) => (listeners[event] ??= new Set()).add(listener),
        removeListener: (event, listener) => listeners[event]?.delete(listener),
      }
      const icon = 'data:image/svg+xml,<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"><rect width="1" height="1" fill="teal"/></svg>'
      const info = { uuid: '9e4a0d4f-4b0a-4ac7-9f5e-0a3a3c5d2b11', name: 'Test Wallet', icon, rdns: 'org.dfsn.test' }
      const announce = () => {
        const detail = Object.freeze({ info, provider })
        dispatchEvent(new CustomEvent('eip6963:announceProvider', { detail }))
      }
      addEventListener('eip6963:requestProvider', announce)
      announce()
    })
  }

  async request({ method, params = [] }) {
    this.asked.push(method)
    const refuse = (code, message) => {
      throw Object.assign(new Error(message), { code })
    }
    const approve = () => this.mood === 'approve' || refuse(CODES.rejected, 'User rejected the request.')
    switch (method) {
      case 'eth_requestAccounts':
        approve()
        this.isConnected = true
        return [this.account.address]
      case 'eth_accounts':
        return this.isConnected ? [this.account.address] : []
      case 'eth_chainId':
        return this.chain
      case 'wallet_switchEthereumChain':
        if (!this.chains.has(params[0].chainId)) refuse(CODES.unknownChain, 'Unrecognized chain ID.')
        approve()
        this.chain = params[0].chainId
        return null
      case 'wallet_addEthereumChain':
        return this.#add(params[0], approve, refuse)
      case 'personal_sign':
        approve()
        return this.account.signMessage({ message: { raw: params[0] } })
      case 'eth_sendTransaction':
        approve()
        return this.#send(params[0])
      default:
        return refuse(-32_601, `${method} is not known`)
    }
  }

  /** As wallets do, asks the network itself for its chain id before it is added. */
  async #add(about, approve, refuse) {
    approve()
    const url = new URL(about.rpcUrls[0])
    const id = await this.network.rpc('eth_chainId', [], url.pathname)
    if (id !== about.chainId) refuse(-32_602, `the network says it is ${id}`)
    if (about.nativeCurrency.decimals !== 18) refuse(-32_602, 'decimals')
    this.chains.add(about.chainId)
    this.chain = about.chainId
    return null
  }

  /** Fills in what the page left out, from the node's Ethereum JSON-RPC, signs, and sends. */
  async #send({ to, value = '0x0', data, gas }) {
    const ask = (method, params = []) => this.network.rpc(method, params, '/eth')
    const [nonce, price] = await Promise.all([ask('eth_getTransactionCount', [this.account.address, 'pending']), ask('eth_gasPrice')])
    const estimated = gas ?? (await ask('eth_estimateGas', [{ from: this.account.address, to, value, data }]))
    const raw = await this.account.signTransaction({
      type: 'eip1559',
      chainId: Number(this.chain),
      nonce: Number(nonce),
      gas: BigInt(estimated),
      maxFeePerGas: 2n * BigInt(price),
      maxPriorityFeePerGas: 0n,
      to,
      value: BigInt(value),
      data,
    })
    return ask('eth_sendRawTransaction', [raw])
  }
}
