// Is this picture what it says? Everything is checked here; what only this node says is called so.

import { useMutation } from '@tanstack/react-query'
import { type DragEvent, useEffect, useId, useRef, useState } from 'react'
import { Link, useSearch } from 'wouter'
import { short } from '../chain/address'
import { useWeb } from '../chain/web'
import { useObjectUrl } from '../imagine/picture'
import { AlertIcon, CheckIcon, CrossIcon, InfoIcon, ShieldIcon } from '../ui/icons'
import { Hash, Notice, PageHead, Pill, type Tone } from '../ui/parts'
import { findings, type Finding, verdict } from '../verify/findings'
import { chooseStep, commitmentOf, type Examined, examine, fetchOf, redo } from '../verify/verify'

const FILE_MAX = 64 << 20

interface Subject {
  bytes: Uint8Array<ArrayBuffer>
  name: string
}

export default function Verify() {
  const [subject, setSubject] = useState<Subject | null>(null)
  const [wrong, setWrong] = useState<string | null>(null)
  const search = useSearch()
  const examined = useMutation({
    mutationFn: async ({ bytes, asked }: { bytes: Uint8Array; asked: { job: string; image: number } | null }) => examine(bytes, asked),
  })
  const take = async (file: File) => {
    setWrong(null)
    if (file.size > FILE_MAX) return setWrong(`${file.name} has ${file.size} bytes; pictures of this network have at most ${FILE_MAX}.`)
    const bytes = new Uint8Array(await file.arrayBuffer())
    setSubject({ bytes, name: file.name })
    examined.mutate({ bytes, asked: null })
  }
  const { mutate } = examined
  useEffect(() => {
    const query = new URLSearchParams(search)
    const job = query.get('job') ?? ''
    const image = Math.max(1, Number(query.get('image')) || 1) - 1
    if (!/^[0-9a-f]{64}$/.test(job)) return
    fetchOf(job, image)
      .then((bytes) => {
        setSubject({ bytes: new Uint8Array(bytes), name: `picture ${image + 1} of job ${short(job, 8, 4)}` })
        mutate({ bytes, asked: { job, image } })
      })
      .catch((error: unknown) => setWrong(error instanceof Error ? error.message : String(error)))
  }, [search, mutate])
  return (
    <>
      <PageHead title="Verify">
        <p>
          Drop any picture of this network. Your browser reads what it says of itself, checks the chain’s proof, and can
          redo a step of how it was drawn. Nothing is uploaded.
        </p>
      </PageHead>
      <div className="stack">
        <Drop take={(file) => void take(file)} />
        {wrong && <Notice tone="bad">{wrong}</Notice>}
        {subject && (
          <div className="split">
            <Shown subject={subject} />
            <div className="stack" aria-live="polite">
              {examined.isPending && <Notice>Checking {subject.name}…</Notice>}
              {examined.isError && <Unread error={examined.error} />}
              {examined.data && (
                <Result
                  examined={examined.data}
                  again={(job, image) => examined.mutate({ bytes: subject.bytes, asked: { job, image } })}
                />
              )}
            </div>
          </div>
        )}
      </div>
    </>
  )
}

function Drop({ take }: { take: (file: File) => void }) {
  const [isOver, setOver] = useState(false)
  const input = useRef<HTMLInputElement>(null)
  const id = useId()
  const drop = (event: DragEvent) => {
    event.preventDefault()
    setOver(false)
    const file = event.dataTransfer.files[0]
    if (file) take(file)
  }
  return (
    <div
      className="drop"
      data-over={isOver}
      onDragOver={(event) => {
        event.preventDefault()
        setOver(true)
      }}
      onDragLeave={() => setOver(false)}
      onDrop={drop}
    >
      <ShieldIcon size={32} />
      <label htmlFor={id}>
        <strong>Drop a PNG here</strong>, or choose one
      </label>
      <input
        ref={input}
        id={id}
        type="file"
        className="input-file"
        accept="image/png"
        onChange={(event) => {
          const file = event.target.files?.[0]
          if (file) take(file)
          // The same file once more is a change, too.
          event.target.value = ''
        }}
      />
    </div>
  )
}

function Shown({ subject }: { subject: Subject }) {
  const url = useObjectUrl(subject.bytes)
  return (
    <figure className="stack">
      <div className="frame tiny" style={{ aspectRatio: '1' }}>
        {url && <img src={url} alt={`The file that is checked: ${subject.name}`} />}
      </div>
      <figcaption className="small muted">{subject.name}</figcaption>
    </figure>
  )
}

const Unread = ({ error }: { error: Error }) => (
  <div className="card stack">
    <Pill tone="bad">Not checked</Pill>
    <h2>This cannot be checked</h2>
    <p>{error.message}</p>
    <p className="small muted">
      Only PNG files of this network can be checked, as they were downloaded: many sites make other files of pictures and take
      out what they say of themselves.
    </p>
  </div>
)

const ICONS: Record<Tone, typeof CheckIcon> = {
  good: CheckIcon,
  bad: CrossIcon,
  warn: AlertIcon,
  live: InfoIcon,
  plain: InfoIcon,
}

const FindingItem = ({ finding: { tone, title, text } }: { finding: Finding }) => {
  const Icon = ICONS[tone]
  return (
    <li>
      <span className={`tone-${tone}`}>
        <Icon size={20} />
      </span>
      <div>
        <h3>{title}</h3>
        <p className="small muted">{text}</p>
      </div>
    </li>
  )
}

function Result({ examined, again }: { examined: Examined; again: (job: string, image: number) => void }) {
  const found = findings(examined)
  const { tone, title } = verdict(examined, found)
  return (
    <>
      <div className="card stack" data-testid="verdict">
        <div className="row">
          <Pill tone={tone}>{tone === 'good' ? 'Holds' : tone === 'bad' ? 'Does not hold' : 'Not proven'}</Pill>
        </div>
        <h2>{title}</h2>
        <ul className="checks">
          {found.map((finding) => (
            <FindingItem key={finding.title} finding={finding} />
          ))}
        </ul>
        {examined.job && (
          <p className="small">
            <Link href={`/p/${examined.job}/${examined.image + 1}`}>Open the picture’s page</Link>
          </p>
        )}
      </div>
      {!examined.job && <Named again={again} />}
      {examined.proof?.record && commitmentOf(examined.proof.record) && <Redo examined={examined} />}
    </>
  )
}

/** A picture that says nothing of itself may still be compared with one that somebody says it is. */
function Named({ again }: { again: (job: string, image: number) => void }) {
  const [text, setText] = useState('')
  const match = /([0-9a-f]{64})(?:\/(\d))?/.exec(text)
  const id = useId()
  return (
    <form
      className="card stack"
      onSubmit={(event) => {
        event.preventDefault()
        if (match?.[1]) again(match[1], Math.max(1, Number(match[2]) || 1) - 1)
      }}
    >
      <label htmlFor={id}>
        <strong>Which picture is it said to be?</strong>
      </label>
      <input id={id} className="input" value={text} placeholder="Its link, or the name of its job" onChange={(event) => setText(event.target.value)} />
      <button type="submit" className="button" disabled={!match}>
        Compare
      </button>
    </form>
  )
}

function Redo({ examined }: { examined: Examined }) {
  const { data: web } = useWeb()
  const [progress, setProgress] = useState<[string, number]>(['', 0])
  const run = useMutation({
    mutationFn: async () => {
      const { proof, image } = examined
      if (!proof?.record) throw new Error('Nothing is proven of the job.')
      const step = chooseStep(proof.record)
      const tell = (text: string, done: number) => setProgress([text, done])
      return { step, redone: await redo(proof.record, image, step, proof.network, tell) }
    },
  })
  if (!web?.model) return null
  return (
    <section className="card stack">
      <h2>Redo a step yourself</h2>
      <p className="small muted">
        Your browser chooses one step at random, fetches the state before it and the model (13 MB for emoji-64), computes the
        step in exact arithmetic, and compares the hash with the one on the chain.
      </p>
      {run.isPending && (
        <div className="stack">
          <progress className="progress" value={progress[1]} max={1} aria-label={progress[0] || 'Redoing a step'} />
          <p className="small" role="status">
            {progress[0]}…
          </p>
        </div>
      )}
      {run.isError && <Notice tone="bad">{run.error.message}</Notice>}
      {run.data && (
        <div className="stack" role="status">
          <Pill tone={run.data.redone.same ? 'good' : 'bad'}>
            {run.data.redone.same ? 'The same, bit for bit' : 'Another result'}
          </Pill>
          <dl className="facts">
            <dt>Step</dt>
            <dd className="num">
              {run.data.step}, in {Math.round(run.data.redone.took)} ms ({run.data.redone.isa})
            </dd>
            <dt>On the chain</dt>
            <dd>
              <Hash value={run.data.redone.committed} what="committed hash" />
            </dd>
            <dt>Computed here</dt>
            <dd>
              <Hash value={run.data.redone.computed} what="computed hash" />
            </dd>
          </dl>
        </div>
      )}
      <button type="button" className="button" disabled={run.isPending} onClick={() => run.mutate()}>
        {run.data ? 'Redo another step' : 'Redo a random step'}
      </button>
    </section>
  )
}
