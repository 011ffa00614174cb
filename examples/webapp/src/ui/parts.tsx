// Small parts that pages are made of.

import { type ReactNode, useEffect, useId, useRef, useState } from 'react'
import { short } from '../chain/address'
import { formatAmount } from '../chain/amount'
import { RpcError } from '../chain/rpc'
import { CheckIcon, CopyIcon } from './icons'
import { toast } from './toast'

export type Tone = 'good' | 'warn' | 'bad' | 'live' | 'plain'

export const Pill = ({ tone = 'plain', children }: { tone?: Tone; children: ReactNode }) => (
  <span className={`pill ${tone}`}>{children}</span>
)

/** Something that a reader should notice; `bad` is read aloud at once. */
export const Notice = ({ tone = 'plain', children }: { tone?: Tone; children: ReactNode }) => (
  <div className={`notice ${tone}`} role={tone === 'bad' ? 'alert' : undefined}>
    {children}
  </div>
)

/** A page's heading. It takes the focus after a change of page, so that a screen reader reads it. */
export function PageHead({ title, children }: { title: string; children?: ReactNode }) {
  const heading = useRef<HTMLHeadingElement>(null)
  useEffect(() => {
    document.title = `${title} · DAOFusion`
    if (history.state?.moved) heading.current?.focus()
  }, [title])
  return (
    <div className="page-head">
      <h1 ref={heading} tabIndex={-1}>
        {title}
      </h1>
      {children}
    </div>
  )
}

/** A place for what is not there yet; as high as what comes. */
export const Skeleton = ({ height, label }: { height: string; label?: string }) => (
  <div className="skeleton" style={{ height }} role={label ? 'status' : undefined} aria-label={label} />
)

export const Empty = ({ title, children }: { title: string; children: ReactNode }) => (
  <div className="state">
    <h2>{title}</h2>
    {children}
  </div>
)

/** What went wrong, whether it passes by itself, and a way to try. */
export function Failure({ error, retry }: { error: unknown; retry?: () => void }) {
  const isOffline = error instanceof RpcError && error.isOffline
  return (
    <div className="state" role="alert">
      <h2>{isOffline ? 'The node is away' : 'This did not work'}</h2>
      <p>
        {error instanceof Error ? error.message : String(error)}
        {isOffline && ' This page tries again by itself; nothing of yours is lost.'}
      </p>
      {retry && (
        <button type="button" className="button" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  )
}

/** A long name, shortened, with a button that copies all of it. */
export function Hash({ value, what, head, tail }: { value: string; what: string; head?: number; tail?: number }) {
  const [copied, setCopied] = useState(false)
  const copy = () =>
    navigator.clipboard
      .writeText(value)
      .then(() => {
        setCopied(true)
        setTimeout(() => setCopied(false), 1_500)
      })
      .catch(() => toast(`The browser does not let this page copy. It is ${value}`))
  return (
    <span className="hash">
      <span title={value}>{short(value, head, tail)}</span>
      <button type="button" className="copy" onClick={copy} aria-label={copied ? 'Copied' : `Copy ${what}`}>
        {copied ? <CheckIcon size={14} /> : <CopyIcon size={14} />}
      </button>
    </span>
  )
}

export const Dfsn = ({ amount, digits, up }: { amount: bigint | string; digits?: number; up?: boolean }) => (
  <span className="num">
    {formatAmount(amount, digits, up)} <span className="unit">DFSN</span>
  </span>
)

/** A labelled input with a hint, and what is wrong. */
export function Field({
  label,
  hint,
  wrong,
  children,
}: {
  label: string
  hint?: ReactNode
  wrong?: string | null | undefined
  children: (props: { id: string; 'aria-describedby': string; 'aria-invalid': boolean }) => ReactNode
}) {
  const id = useId()
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {children({ id, 'aria-describedby': `${id}-about`, 'aria-invalid': Boolean(wrong) })}
      <div id={`${id}-about`}>
        {wrong ? (
          <p className="wrong" role="alert">
            {wrong}
          </p>
        ) : (
          hint && <p className="hint">{hint}</p>
        )}
      </div>
    </div>
  )
}

/** One of a few, as a group of radio buttons. */
export function Choices<T extends string>({
  label,
  value,
  options,
  onChange,
}: {
  label: string
  value: T
  options: readonly (readonly [T, string])[]
  onChange(value: T): void
}) {
  const name = useId()
  return (
    <fieldset className="field">
      <legend>{label}</legend>
      <div className="choices">
        {options.map(([option, text]) => (
          <label key={option}>
            <input type="radio" name={name} checked={option === value} onChange={() => onChange(option)} />
            <span>{text}</span>
          </label>
        ))}
      </div>
    </fieldset>
  )
}

/** The time of now, every second while it counts. */
export function useNow(isRunning: boolean): number {
  const [now, setNow] = useState(Date.now)
  useEffect(() => {
    if (!isRunning) return
    const timer = setInterval(() => setNow(Date.now()), 1_000)
    return () => clearInterval(timer)
  }, [isRunning])
  return now
}

const RELATIVE = new Intl.RelativeTimeFormat('en', { numeric: 'auto' })

/** A time as "3 minutes ago". */
export function Ago({ at }: { at: number }) {
  const seconds = Math.round((at - Date.now()) / 1_000)
  const [value, unit] =
    Math.abs(seconds) < 60
      ? ([seconds, 'second'] as const)
      : Math.abs(seconds) < 3_600
        ? ([Math.round(seconds / 60), 'minute'] as const)
        : Math.abs(seconds) < 86_400
          ? ([Math.round(seconds / 3_600), 'hour'] as const)
          : ([Math.round(seconds / 86_400), 'day'] as const)
  return <time dateTime={new Date(at).toISOString()}>{RELATIVE.format(value, unit)}</time>
}
