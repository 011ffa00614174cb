import type { Commitment, ImageCommitment } from './types'

/** The picture of an image, if it was drawn. */
export function pictureOf(commitment: Commitment | null | undefined, image: number): ImageCommitment | undefined {
  const result = commitment?.images[image]
  return result && 'picture' in result ? result.picture : undefined
}

/** Files of all pictures that were drawn. */
export function filesOf(commitment: Commitment | null | undefined): string[] {
  return (commitment?.images ?? []).flatMap((result) => ('picture' in result ? [result.picture.file] : []))
}
