// What to draw, how, and what it costs.

import { type FormEvent, useState } from 'react'
import { formatAmount } from '../chain/amount'
import { requestPicture } from '../chain/calls'
import { useAccount, useNetwork, useQuote, useValidators } from '../chain/queries'
import { useStore } from '../chain/store'
import { type GenerationParams, type NetworkInfo, type Quote, SCHEDULERS } from '../chain/types'
import { ConnectButton } from '../ui/account-button'
import { CrossIcon, DiceIcon, SparkIcon } from '../ui/icons'
import { Choices, Dfsn, Failure, Field, Notice, Skeleton } from '../ui/parts'
import { feeLimit, SendError } from '../wallet/send'
import { signer } from '../wallet/wallet'
import { Faucet } from './faucet'
import { change, compose, draft, modelOf, profileOf, randomSeed, RATIOS } from './draft'
import { Frame } from './picture'
import { request } from './runs'

export function Composer() {
  const network = useNetwork()
  const validators = useValidators()
  const state = useStore(draft)
  if (network.isError && !network.data) return <Failure error={network.error} retry={() => void network.refetch()} />
  if (!network.data || !validators.data) return <Skeleton height="30rem" label="Reading the network" />
  const model = modelOf(state, network.data, validators.data)
  if (!model) {
    return (
      <Notice tone="warn">
        No model is registered on this network, so nothing can be drawn. Start the node with <code>--model</code>.
      </Notice>
    )
  }
  const composed = compose(state, model, profileOf(model.id, validators.data))
  return <Form network={network.data} composed={composed} hasProfile={profileOf(model.id, validators.data) !== undefined} />
}

type ComposedDraft = ReturnType<typeof compose>

function Form({ network, composed, hasProfile }: { network: NetworkInfo; composed: ComposedDraft; hasProfile: boolean }) {
  const state = useStore(draft)
  const account = useStore(signer)
  const quote = useQuote(composed.params)
  const [busy, setBusy] = useState(false)
  const [problem, setProblem] = useState<SendError | Error | null>(null)
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    if (!account || !composed.params || !quote.data || busy) return
    setBusy(true)
    setProblem(null)
    try {
      for (let turn = 0; turn < composed.repeat; turn++) {
        const isFixed = composed.parsed.flags.seed !== undefined || state.seed !== null
        const first = isFixed ? composed.params.seed + turn * composed.params.num_images : randomSeed()
        await request(account, { ...composed.params, seed: first % 2 ** 32 }, quote.data, state.unlisted)
      }
    } catch (error) {
      setProblem(error instanceof Error ? error : new Error(String(error)))
    } finally {
      setBusy(false)
    }
  }
  const isEmpty = composed.parsed.prompt === ''
  return (
    <form className="composer" onSubmit={(event) => void submit(event)}>
      <div className="stack">
        <Field
          label="Prompt"
          hint="Flags are understood: --ar 3:2 --seed 7 --no text --steps 30 --n 4 --repeat 2"
          wrong={composed.problems[0]}
        >
          {(field) => (
            <textarea
              {...field}
              className="input prompt"
              value={state.text}
              maxLength={6_000}
              placeholder="A red fox under northern lights"
              onChange={(event) => change({ text: event.target.value })}
              onKeyDown={(event) => {
                if (event.key === 'Enter' && (event.metaKey || event.ctrlKey)) event.currentTarget.form?.requestSubmit()
              }}
            />
          )}
        </Field>
        <div className="settings">
          <Choices label="Shape" value={state.ratio} options={RATIOS} onChange={(ratio) => change({ ratio })} />
          <Choices
            label="Pictures"
            value={String(state.images)}
            options={[
              ['1', '1'],
              ['2', '2'],
              ['3', '3'],
              ['4', '4'],
            ]}
            onChange={(images) => change({ images: Number(images) })}
          />
        </div>
        {state.init && <InitImage params={composed.params} />}
        <Advanced network={network} params={composed.params} />
      </div>
      <div className="card stack">
        <h2>Price</h2>
        {!hasProfile ? (
          <Notice tone="warn">No validator serves this model at the moment. Look at Validators for who is on trial.</Notice>
        ) : (
          <Price network={network} params={composed.params} quote={quote.data} repeat={composed.repeat} />
        )}
        {quote.isError && <Notice tone="warn">The node gives no price at the moment.</Notice>}
        <label className="check">
          <input type="checkbox" checked={state.unlisted} onChange={(event) => change({ unlisted: event.target.checked })} />
          <span>Do not list it in Explore</span>
        </label>
        <p className="small muted">
          Prompt and parameters stand on the chain for ever and everybody can read them
          {state.unlisted ? ', also those of a picture that is not listed' : ''}.
        </p>
        {problem && <Problem error={problem} />}
        {account ? (
          <button
            type="submit"
            className="button primary large"
            disabled={busy || isEmpty || !composed.params || !quote.data}
            aria-describedby="why-not"
          >
            <SparkIcon /> {busy ? 'Waiting for the signature…' : 'Imagine'}
          </button>
        ) : (
          <ConnectButton large />
        )}
        <p id="why-not" className="small muted">
          {!account ? 'Connect an account to ask for pictures.' : isEmpty ? 'Say what to draw.' : 'Ctrl + Enter asks, too.'}
        </p>
      </div>
    </form>
  )
}

function Problem({ error }: { error: Error }) {
  const isPoor = error instanceof SendError && error.kind === 'balance'
  const tone = error instanceof SendError && error.kind === 'rejected' ? 'warn' : 'bad'
  return (
    <Notice tone={tone}>
      <span>{error.message}</span>
      {isPoor && <Faucet />}
    </Notice>
  )
}

function Price({
  network,
  params,
  quote,
  repeat,
}: {
  network: NetworkInfo
  params: GenerationParams | null
  quote: Quote | null | undefined
  repeat: number
}) {
  const account = useStore(signer)
  const { data } = useAccount(account?.address ?? null)
  if (quote === null) {
    return <Notice tone="warn">Nobody takes this request as it is: choose another size or fewer pictures.</Notice>
  }
  if (!quote) return <Skeleton height="9.5rem" label="Asking for the price" />
  const price = BigInt(quote.price) * BigInt(repeat)
  const asked = params && requestPicture(params, BigInt(quote.price_per_unit), price, 300_000, !quote.audited)
  const fee = asked ? feeLimit(asked, network) * BigInt(repeat) : 0n
  const left = data ? BigInt(data.balance) - price - fee : null
  return (
    <>
      <dl className="price-lines">
        <dt>{repeat > 1 ? `${repeat} requests` : 'Pictures'}</dt>
        <dd>
          <Dfsn amount={price} up />
        </dd>
        <dt>Network fee, at most</dt>
        <dd>
          <Dfsn amount={fee} up />
        </dd>
        <dt className="total">Together, at most</dt>
        <dd className="total">
          <Dfsn amount={price + fee} up />
        </dd>
        <dt>Balance afterwards</dt>
        <dd className={left !== null && left < 0n ? 'tone-bad' : ''}>{left === null ? '–' : `${formatAmount(left)} DFSN`}</dd>
      </dl>
      <p className="small muted">
        {quote.work_units.toLocaleString('en')} units of work; {quote.workers} {quote.workers === 1 ? 'worker takes' : 'workers take'} it at this price,{' '}
        {quote.audited ? 'and others check what they draw.' : 'but too few others could check it: it would be unaudited.'} The price is held until the
        pictures are there, and comes back if none come.
      </p>
      {left !== null && left < 0n && (
        <Notice tone="warn">
          <span>The balance is too low for this.</span>
          <Faucet />
        </Notice>
      )}
    </>
  )
}

function InitImage({ params }: { params: GenerationParams | null }) {
  const state = useStore(draft)
  if (!state.init) return null
  return (
    <div className="card row">
      <div style={{ width: '5rem' }}>
        <Frame file={state.init} width={1} height={1} alt="The picture to start from" />
      </div>
      <div className="stack" style={{ flex: 1 }}>
        <Field label={`Change: ${Math.round(state.strength / 10)} %`} hint="How far to leave the picture that is started from">
          {(field) => (
            <input
              {...field}
              type="range"
              className="range"
              min={50}
              max={1_000}
              step={10}
              value={params?.init_image ? params.strength : state.strength}
              onChange={(event) => change({ strength: Number(event.target.value) })}
            />
          )}
        </Field>
      </div>
      <button type="button" className="button icon quiet" aria-label="Do not start from a picture" onClick={() => change({ init: null })}>
        <CrossIcon />
      </button>
    </div>
  )
}

/** Where there is room all parameters are in sight. */
const isWide = matchMedia('(min-width: 60rem)').matches

function Advanced({ network, params }: { network: NetworkInfo; params: GenerationParams | null }) {
  const state = useStore(draft)
  return (
    <details open={isWide}>
      <summary>
        All parameters
        {params && (
          <span className="muted num">
            {' '}
            · {params.size.width} × {params.size.height}, {params.num_inference_steps} steps, guidance {params.guidance_scale / 1_000}
          </span>
        )}
      </summary>
      <div className="settings" style={{ paddingTop: 'var(--s3)' }}>
        <Field label="Keep away" hint="What should not be in the picture">
          {(field) => (
            <input {...field} className="input" value={state.negative} maxLength={2_048} onChange={(event) => change({ negative: event.target.value })} />
          )}
        </Field>
        <Field label="Model">
          {(field) => (
            <select {...field} className="input" value={state.model ?? params?.model ?? ''} onChange={(event) => change({ model: event.target.value })}>
              {network.models.map(({ id, name }) => (
                <option key={id} value={id}>
                  {name} · {id.slice(0, 8)}
                </option>
              ))}
            </select>
          )}
        </Field>
        <Field label={`Steps: ${state.steps}`} hint="More take longer and cost more">
          {(field) => (
            <input
              {...field}
              type="range"
              className="range"
              min={1}
              max={150}
              value={state.steps}
              onChange={(event) => change({ steps: Number(event.target.value) })}
            />
          )}
        </Field>
        <Field label={`Guidance: ${state.guidance}`} hint="How strictly the prompt is kept">
          {(field) => (
            <input
              {...field}
              type="range"
              className="range"
              min={0}
              max={20}
              step={0.5}
              value={state.guidance}
              onChange={(event) => change({ guidance: Number(event.target.value) })}
            />
          )}
        </Field>
        <Field label="Scheduler">
          {(field) => (
            <select {...field} className="input" value={state.scheduler} onChange={(event) => change({ scheduler: event.target.value })}>
              {SCHEDULERS.map(([name, text]) => (
                <option key={name} value={name}>
                  {text}
                </option>
              ))}
            </select>
          )}
        </Field>
        <Field label="Seed" hint="Empty: another one each time. The same seed gives the same picture, bit for bit.">
          {(field) => (
            <span className="row" style={{ flexWrap: 'nowrap' }}>
              <input
                {...field}
                className="input num"
                inputMode="numeric"
                pattern="[0-9]*"
                placeholder="Random"
                value={state.seed ?? ''}
                onChange={(event) => {
                  const digits = event.target.value.replace(/\D/g, '')
                  change({ seed: digits === '' ? null : Math.min(Number(digits), 2 ** 32 - 1) })
                }}
              />
              <button type="button" className="button icon" aria-label="Choose a seed" onClick={() => change({ seed: randomSeed() })}>
                <DiceIcon />
              </button>
            </span>
          )}
        </Field>
      </div>
    </details>
  )
}
