import { useInfiniteQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { Link } from 'wouter'
import { gallery, type Order, type Shot } from '../chain/web'
import { pictureOf } from '../chain/images'
import { Frame } from '../imagine/picture'
import { Ago, Choices, Empty, Failure, PageHead, Skeleton } from '../ui/parts'

const ORDERS: readonly (readonly [Order, string])[] = [
  ['newest', 'Newest'],
  ['shared', 'Most shared'],
]

export default function Explore() {
  const [order, setOrder] = useState<Order>('newest')
  const pages = useInfiniteQuery({
    queryKey: ['gallery', order],
    queryFn: ({ pageParam }) => gallery({ order, from: pageParam, limit: 24 }),
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.next,
  })
  const shots = pages.data?.pages.flatMap(({ jobs }) => jobs) ?? []
  return (
    <>
      <PageHead title="Explore">
        <p>Pictures of this network that were drawn, checked and paid. Their requesters chose to show them here.</p>
      </PageHead>
      <div className="stack">
        <Choices label="Order" value={order} options={ORDERS} onChange={(next) => setOrder(next)} />
        {pages.isError && shots.length === 0 ? (
          <Failure error={pages.error} retry={() => void pages.refetch()} />
        ) : pages.isPending ? (
          <div className="gallery" role="status" aria-label="Reading pictures">
            {Array.from({ length: 8 }, (_, index) => (
              <Skeleton key={index} height="16rem" />
            ))}
          </div>
        ) : shots.length === 0 ? (
          <Empty title="No pictures yet">
            <p>
              The first one could be yours: <Link href="/">imagine something</Link>.
            </p>
          </Empty>
        ) : (
          <>
            <ul className="gallery">
              {shots.map((shot) => (
                <li key={shot.job.id}>
                  <ShotCard shot={shot} />
                </li>
              ))}
            </ul>
            {pages.hasNextPage && (
              <button type="button" className="button" disabled={pages.isFetchingNextPage} onClick={() => void pages.fetchNextPage()}>
                {pages.isFetchingNextPage ? 'Reading…' : 'Show more'}
              </button>
            )}
          </>
        )}
      </div>
    </>
  )
}

export function ShotCard({ shot: { job, timestamp, shares } }: { shot: Shot }) {
  const { prompt, num_images: images } = job.params
  return (
    <Link href={`/p/${job.id}/1`} state={{ moved: true }} className="shot">
      <Frame file={pictureOf(job.commitment, 0)?.file} width={1} height={1} alt={prompt || 'Picture without a prompt'} waiting="No picture" />
      <span className="caption">{prompt || 'Without a prompt'}</span>
      <span className="small muted">
        <Ago at={timestamp} />
        {images > 1 && ` · ${images} pictures`}
        {shares > 0 && ` · shared ${shares} ${shares === 1 ? 'time' : 'times'}`}
      </span>
    </Link>
  )
}
