// A picture of a job: shown once its bytes hash to what the worker committed to.

import { useQuery, type UseQueryResult } from '@tanstack/react-query'
import { type CSSProperties, useEffect, useState } from 'react'
import { fileHash } from '../chain/hash'
import { fetchPicture } from '../chain/queries'
import type { Hash } from '../chain/types'
import { AlertIcon } from '../ui/icons'

export interface Fetched {
  bytes: Uint8Array<ArrayBuffer>
  isRight: boolean
}

/** A picture's file, checked against its name. It never changes, so it is fetched once. */
export const useFile = (file: Hash | undefined): UseQueryResult<Fetched> =>
  useQuery({
    queryKey: ['file', file],
    queryFn: async () => {
      const bytes = await fetchPicture(file as Hash)
      return { bytes, isRight: fileHash(bytes) === file }
    },
    enabled: file !== undefined,
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 60_000,
  })

/** An address of bytes for an `img`, let go with the component. */
export function useObjectUrl(bytes: Uint8Array<ArrayBuffer> | undefined): string | undefined {
  const [url, setUrl] = useState<string>()
  useEffect(() => {
    if (!bytes) return
    const made = URL.createObjectURL(new Blob([bytes], { type: 'image/png' }))
    setUrl(made)
    return () => URL.revokeObjectURL(made)
  }, [bytes])
  return url
}

interface FrameProps {
  file: Hash | undefined
  width: number
  height: number
  alt: string
  /** What is said while there is no picture. */
  waiting?: string
  /** 0 to 1, how far it is. */
  done?: number
  /** A rough small picture, until the real one is there. */
  preview?: Hash | undefined
}

/** Has the picture's shape before it is there, so that nothing moves when it comes. */
export function Frame({ file, width, height, alt, waiting, done, preview }: FrameProps) {
  const { data, isError } = useFile(file)
  const url = useObjectUrl(data?.isRight ? data.bytes : undefined)
  const look = useFile(file ? undefined : preview)
  const lookUrl = useObjectUrl(look.data?.isRight ? look.data.bytes : undefined)
  const style = { aspectRatio: `${width} / ${height}`, '--done': done ?? 0 } as CSSProperties
  return (
    <div className={`frame ${Math.max(width, height) <= 128 ? 'tiny' : ''}`} style={style}>
      {url ? (
        <img src={url} alt={alt} width={width} height={height} decoding="async" />
      ) : (
        <>
          {lookUrl && !file && <img className="preview" src={lookUrl} alt="" width={width} height={height} />}
          <div className="develop">
          {data && !data.isRight ? (
            <>
              <AlertIcon size={24} />
              <span>What came is not what the worker committed to.</span>
            </>
          ) : (
            <span>{isError ? 'This node no longer has the picture.' : waiting}</span>
          )}
          </div>
        </>
      )}
    </div>
  )
}
