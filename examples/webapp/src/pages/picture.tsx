// One picture, to be shown to others.

import { Link } from 'wouter'
import { useEvents } from '../chain/events'
import { jobLive } from '../chain/jobs'
import { useJob, useNetwork } from '../chain/queries'
import { useStore } from '../chain/store'
import { type Hash as HashText, type JobInfo, type NetworkInfo, SCHEDULERS } from '../chain/types'
import { countShare, type JobHistory } from '../chain/web'
import { pictureOf } from '../chain/images'
import { change, randomSeed, toFlags } from '../imagine/draft'
import { Frame, useFile, useObjectUrl } from '../imagine/picture'
import { money, standing } from '../imagine/progress'
import { settingsOf } from '../imagine/run-card'
import { CopyIcon, DownIcon, ShareIcon, ShieldIcon } from '../ui/icons'
import { Ago, Dfsn, Empty, Failure, Hash, Notice, PageHead, Pill, Skeleton } from '../ui/parts'
import { Timeline } from '../ui/timeline'
import { toast } from '../ui/toast'

export default function Picture({ job: id, image: place }: { job: string; image: string }) {
  const job = useJob(id)
  const history = useEvents(id)
  if (!/^[0-9a-f]{64}$/.test(id)) return <Missing />
  if (job.isError && !job.data) return <Failure error={job.error} retry={() => void job.refetch()} />
  if (job.isPending) return <Skeleton height="70vh" label="Reading the picture" />
  if (!job.data) return <Missing />
  const image = Math.min(Math.max(1, Number(place) || 1), job.data.params.num_images) - 1
  return <Shown job={job.data} image={image} history={history} />
}

const Missing = () => (
  <Empty title="There is no such picture">
    <p>
      The link may be damaged, or the job is older than a week: then the chain still has its receipts, but this node no
      longer has the picture. A copy of the file can be checked at <Link href="/verify">Verify</Link>.
    </p>
  </Empty>
)

function Shown({ job, image, history }: { job: JobInfo; image: number; history: JobHistory | null }) {
  const { params } = job
  const live = useStore(jobLive(job.id))
  const now = standing(job, live, null)
  const file = pictureOf(job.commitment, image)?.file
  return (
    <>
      <PageHead title={params.prompt.slice(0, 120) || 'Without a prompt'} />
      <div className="split">
        <div className="stack">
          <Frame
            file={file}
            width={params.size.width}
            height={params.size.height}
            alt={params.prompt || 'Picture without a prompt'}
            waiting={now.label}
          />
          {params.num_images > 1 && (
            <nav className="row" aria-label="Pictures of this request">
              {Array.from({ length: params.num_images }, (_, other) => (
                <Link
                  key={other}
                  href={`/p/${job.id}/${other + 1}`}
                  className="button"
                  aria-current={other === image ? 'page' : undefined}
                >
                  {other + 1}
                </Link>
              ))}
            </nav>
          )}
          <Share job={job} image={image} file={file} />
        </div>
        <div className="stack">
          <div className="row">
            <Pill tone={now.tone}>{now.label}</Pill>
            <span className="muted small">asked for {history ? <Ago at={history.timestamp} /> : '…'}</span>
          </div>
          <p>{now.text}</p>
          <p className="small muted">{money(job, live)}</p>
          <Parameters job={job} image={image} />
          <Proof job={job} image={image} />
          <section className="card stack" style={{ minHeight: '30rem' }}>
            <h2>What happened</h2>
            <Timeline entries={live.timeline} />
          </section>
        </div>
      </div>
    </>
  )
}

function Share({ job, image, file }: { job: JobInfo; image: number; file: HashText | undefined }) {
  const { data } = useFile(file)
  const url = useObjectUrl(data?.isRight ? data.bytes : undefined)
  const link = `${location.origin}/p/${job.id}/${image + 1}`
  const text = `“${job.params.prompt.slice(0, 140)}”, drawn and checked by the DAOFusion network`
  const post = `https://x.com/intent/post?${new URLSearchParams({ text, url: link })}`
  const count = () => void countShare(job.id).catch(() => undefined)
  return (
    <div className="row">
      <button
        type="button"
        className="button primary"
        disabled={!file}
        onClick={() => {
          count()
          navigator.clipboard
            .writeText(link)
            .then(() => toast('The link is copied.'))
            .catch(() => toast(link))
        }}
      >
        <ShareIcon /> Copy link
      </button>
      <a className="button" href={post} target="_blank" rel="noreferrer" onClick={count}>
        Share on X
      </a>
      <a className="button" href={url} aria-disabled={!url} download={`dfsn-${job.id.slice(0, 12)}-${image + 1}.png`}>
        <DownIcon /> PNG
      </a>
      <Link
        className="button"
        href="/"
        onClick={() => change({ ...settingsOf(job), init: file ?? null, strength: 500, seed: randomSeed() })}
      >
        Start from this
      </Link>
      <Link className="button" href="/" onClick={() => change({ ...settingsOf(job), seed: null })}>
        Again, other seed
      </Link>
    </div>
  )
}

function Parameters({ job, image }: { job: JobInfo; image: number }) {
  const { params } = job
  const { data: network } = useNetwork()
  const model = network?.models.find(({ id }) => id === params.model)
  const scheduler = SCHEDULERS.find(([name]) => name === params.scheduler)?.[1] ?? params.scheduler
  return (
    <section className="card stack">
      <div className="row spread">
        <h2>Parameters</h2>
        <button
          type="button"
          className="button quiet"
          onClick={() =>
            navigator.clipboard
              .writeText(toFlags(params, image))
              .then(() => toast('Copied: prompt and all parameters.'))
              .catch(() => toast('The browser does not let this page copy.'))
          }
        >
          <CopyIcon /> Copy all
        </button>
      </div>
      <dl className="facts">
        <dt>Prompt</dt>
        <dd className="prompt-text">{params.prompt || '–'}</dd>
        {params.negative_prompt && (
          <>
            <dt>Keep away</dt>
            <dd>{params.negative_prompt}</dd>
          </>
        )}
        <dt>Model</dt>
        <dd>
          {model?.name ?? 'unknown'} <Hash value={params.model} what="model" head={8} tail={4} />
        </dd>
        <dt>Size</dt>
        <dd className="num">
          {params.size.width} × {params.size.height}
        </dd>
        <dt>Seed</dt>
        <dd className="num">{(params.seed + image) % 2 ** 32}</dd>
        <dt>Steps</dt>
        <dd className="num">{params.num_inference_steps}</dd>
        <dt>Guidance</dt>
        <dd className="num">{params.guidance_scale / 1_000}</dd>
        <dt>Scheduler</dt>
        <dd>{scheduler}</dd>
        {params.init_image && (
          <>
            <dt>Started from</dt>
            <dd>
              <Hash value={params.init_image} what="initial picture" head={8} tail={4} />, changed by {params.strength / 10} %
            </dd>
          </>
        )}
      </dl>
    </section>
  )
}

function Proof({ job, image }: { job: JobInfo; image: number }) {
  const { data: network } = useNetwork()
  const commitment = pictureOf(job.commitment, image)
  return (
    <section className="card stack">
      <h2>Who drew it, and how one knows</h2>
      <dl className="facts">
        <dt>Asked by</dt>
        <dd>
          <Hash value={job.requester} what="requester" />
        </dd>
        <dt>Drawn by</dt>
        <dd>{job.worker ? <Hash value={job.worker} what="worker" /> : 'nobody yet'}</dd>
        <dt>Price</dt>
        <dd>
          <Dfsn amount={job.price} up />
        </dd>
        <dt>Job</dt>
        <dd>
          <Hash value={job.id} what="job" />
        </dd>
        {commitment && job.commitment && (
          <>
            <dt>File</dt>
            <dd>
              <Hash value={commitment.file} what="file hash" />
            </dd>
            <dt>Pixels</dt>
            <dd>
              <Hash value={commitment.pixels} what="pixel hash" />
            </dd>
            <dt>Trace</dt>
            <dd>
              <Hash value={job.commitment.trace_root} what="trace root" />
            </dd>
          </>
        )}
        <dt>Arithmetic</dt>
        <dd>{profileName(job, network)}</dd>
      </dl>
      {commitment && (
        <>
          <Notice>
            The chain holds a hash of the file, of its pixels, and of every step in between. Verify checks all of it in your
            browser, without believing this node.
          </Notice>
          <Link className="button" href={`/verify?job=${job.id}&image=${image + 1}`} state={{ moved: true }}>
            <ShieldIcon /> Verify this picture
          </Link>
        </>
      )}
    </section>
  )
}

/** An exact profile gives the same bits everywhere. */
const profileName = (job: JobInfo, network: NetworkInfo | undefined): string =>
  network?.models.find(({ id }) => id === job.params.model)?.exact
    ? 'exact: the same bits on every machine'
    : `profile ${job.params.profile.slice(0, 8)}`

