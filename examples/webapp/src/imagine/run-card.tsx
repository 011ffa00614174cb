// One request, live.

import { useEffect, useState } from 'react'
import { Link } from 'wouter'
import { acknowledge, cancel } from '../chain/calls'
import { filesOf, pictureOf } from '../chain/images'
import { jobLive } from '../chain/jobs'
import { useJob, useNetwork, useOpenJobs } from '../chain/queries'
import { useStore } from '../chain/store'
import type { Hash, JobInfo, NetworkInfo } from '../chain/types'
import { AlertIcon, CopyIcon, ShareIcon } from '../ui/icons'
import { Ago, Notice, Pill, useNow } from '../ui/parts'
import { toast } from '../ui/toast'
import { receipt, send } from '../wallet/send'
import { signer } from '../wallet/wallet'
import { change, randomSeed, toFlags } from './draft'
import { Frame, useFile } from './picture'
import { drawn, money, standing } from './progress'
import { finish, forget, type Run } from './runs'
import { workUnits } from './work'

export function RunCard({ run }: { run: Run }) {
  const { data: job } = useJob(run.job)
  const live = useStore(jobLive(run.job))
  const ahead = useAhead(job)
  const now = standing(job, live, ahead)
  useEffect(() => {
    if (now.isOver) finish(run.job)
  }, [now.isOver, run.job])
  const { params } = run
  const isDrawing = job?.status === 'accepted'
  return (
    <article className="card run" aria-label={`Request: ${params.prompt.slice(0, 80) || 'empty prompt'}`}>
      <div className={`grid-${params.num_images}`}>
        {Array.from({ length: params.num_images }, (_, image) => {
          const [step, steps] = live.progress[image] ?? [0, params.num_inference_steps]
          const committed = pictureOf(job?.commitment, image)?.file
          const isNever = run.failed || (now.isOver && !committed)
          const waiting = isNever ? 'No picture' : isDrawing ? `Step ${step} of ${steps}` : now.label
          const frame = (
            <Frame
              file={committed}
              width={params.size.width}
              height={params.size.height}
              alt={`${params.prompt || 'Picture without a prompt'}, picture ${image + 1}`}
              waiting={waiting}
              preview={isDrawing ? live.previews[image] : undefined}
              done={isDrawing ? step / Math.max(1, steps) : 0}
            />
          )
          return job?.commitment ? (
            // biome-ignore lint: pictures of a request have no other name than their place
            <Link key={image} href={`/p/${run.job}/${image + 1}`}>
              <span className="sr-only">Picture {image + 1}: details</span>
              {frame}
            </Link>
          ) : (
            <div key={image}>{frame}</div>
          )
        })}
      </div>
      <div className="stack">
        <div className="row spread">
          <Pill tone={run.failed ? 'bad' : now.tone}>{run.failed ? 'Failed' : now.label}</Pill>
          <span className="muted small">
            <Ago at={run.at} />
          </span>
        </div>
        <p className="prompt-text">{params.prompt || <span className="muted">Without a prompt</span>}</p>
        {run.failed ? (
          <Notice tone="bad">{run.failed}</Notice>
        ) : (
          <>
            {!now.isOver && (
              <progress className="progress" value={now.done} max={1} aria-label={`${now.label}: ${Math.round(now.done * 100)} %`} />
            )}
            <p className="small" aria-live="polite">
              {now.text} {isDrawing && <TimeLeft deadline={live.deadline} share={drawn(live, params.num_images)} />}
            </p>
            {job && <p className="small muted">{money(job, live)}</p>}
          </>
        )}
        <Actions run={run} job={job ?? null} isOver={now.isOver || run.failed !== null} />
      </div>
    </article>
  )
}

/** What is left of the worker's five minutes. */
function TimeLeft({ deadline, share }: { deadline: number | null; share: number }) {
  const now = useNow(deadline !== null)
  if (deadline === null) return null
  const left = Math.max(0, Math.round((deadline - now) / 1_000))
  const clock = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, '0')}`
  return (
    <span className="num">
      {Math.round(share * 100)} % drawn, {clock} left of its five minutes.
    </span>
  )
}

/** Requests that are drawn before this one. */
function useAhead(job: JobInfo | null | undefined): number | null {
  const { data: open } = useOpenJobs()
  const { data: network } = useNetwork()
  if (job?.status !== 'pending' || !open || !network) return null
  const mine = perUnit(job, network)
  return open.filter(
    (other) =>
      other.id !== job.id &&
      other.status === 'pending' &&
      other.params.model === job.params.model &&
      other.params.profile === job.params.profile &&
      perUnit(other, network) >= mine,
  ).length
}

function perUnit({ params, price }: JobInfo, network: NetworkInfo): bigint {
  const model = network.models.find(({ id }) => id === params.model)
  return BigInt(price) / BigInt(Math.max(1, model ? workUnits(model, params) : 1))
}

function Actions({ run, job, isOver }: { run: Run; job: JobInfo | null; isOver: boolean }) {
  const account = useStore(signer)
  const [busy, setBusy] = useState(false)
  const act = (call: ReturnType<typeof cancel>, done: string) => async () => {
    if (!account) return
    setBusy(true)
    try {
      await receipt(await send(account, call))
      toast(done)
    } catch (error) {
      toast(error instanceof Error ? error.message : String(error))
    } finally {
      setBusy(false)
    }
  }
  const again = (seed: number | null) => {
    change({ ...settingsOf(run), seed })
    scrollTo({ top: 0, behavior: 'smooth' })
  }
  const canCancel = job?.status === 'pending' || job?.status === 'drawn'
  const first = pictureOf(job?.commitment, 0)?.file
  return (
    <div className="row">
      {job?.commitment && !job.delivered && !isOver && (
        <Acknowledge job={job} busy={busy} confirm={act(acknowledge(run.job), 'Delivery confirmed.')} />
      )}
      {canCancel && (
        <button type="button" className="button" disabled={busy || !account} onClick={act(cancel(run.job), 'Taken back.')}>
          Cancel
        </button>
      )}
      {isOver && (
        <button type="button" className="button" onClick={() => again(null)}>
          Again, other seed
        </button>
      )}
      {first && (
        <>
          <button
            type="button"
            className="button"
            onClick={() => {
              again(randomSeed())
              change({ init: first, strength: 500 })
            }}
          >
            Vary
          </button>
          <Link href={`/p/${run.job}/1`} className="button">
            <ShareIcon /> Open
          </Link>
        </>
      )}
      <button
        type="button"
        className="button quiet"
        onClick={() =>
          navigator.clipboard
            .writeText(toFlags(run.params))
            .then(() => toast('Copied: prompt and all parameters.'))
            .catch(() => toast('The browser does not let this page copy.'))
        }
      >
        <CopyIcon /> Parameters
      </button>
      {isOver && (
        <button type="button" className="button quiet" onClick={() => forget(run.job)}>
          Remove
        </button>
      )}
    </div>
  )
}

/** The requester's word that the pictures have arrived, given by itself where nobody has to sign for it. */
function Acknowledge({ job, busy, confirm }: { job: JobInfo; busy: boolean; confirm: () => Promise<void> }) {
  const account = useStore(signer)
  const files = filesOf(job.commitment)
  const isHere = useAllRight(files)
  const isAutomatic = account?.kind === 'throwaway'
  const [asked, setAsked] = useState(false)
  useEffect(() => {
    if (!isHere || !isAutomatic || asked) return
    setAsked(true)
    void confirm()
  }, [isHere, isAutomatic, asked, confirm])
  if (isAutomatic || !account) return null
  return (
    <button type="button" className="button" disabled={busy || !isHere} onClick={() => void confirm()}>
      {isHere ? 'Confirm delivery' : <AlertIcon />}
    </button>
  )
}

function useAllRight(files: Hash[]): boolean {
  const one = useFile(files[0])
  const two = useFile(files[1])
  const three = useFile(files[2])
  const four = useFile(files[3])
  return [one, two, three, four].slice(0, files.length).every(({ data }) => data?.isRight === true)
}

/** The settings of a request, to ask again. */
export function settingsOf({ params }: Pick<Run, 'params'>) {
  const { width, height } = params.size
  return {
    text: `${params.prompt} --w ${width} --h ${height}`,
    negative: params.negative_prompt,
    steps: params.num_inference_steps,
    guidance: params.guidance_scale / 1_000,
    scheduler: params.scheduler,
    images: params.num_images,
    model: params.model,
    init: params.init_image,
    strength: params.init_image ? params.strength : 600,
  }
}

