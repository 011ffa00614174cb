// Changes PNG files, as somebody would who wants to deceive: everything else stays valid.

import { crc32, deflateSync, inflateSync } from 'node:zlib'

const SIGNATURE = 8

function* chunks(png) {
  for (let at = SIGNATURE; at < png.length; ) {
    const length = png.readUInt32BE(at)
    yield { type: png.toString('latin1', at + 4, at + 8), data: png.subarray(at + 8, at + 8 + length) }
    at += 12 + length
  }
}

function write(png, all) {
  const parts = [png.subarray(0, SIGNATURE)]
  for (const { type, data } of all) {
    const body = Buffer.concat([Buffer.from(type, 'latin1'), data])
    const length = Buffer.alloc(4)
    length.writeUInt32BE(data.length)
    const sum = Buffer.alloc(4)
    sum.writeUInt32BE(crc32(body))
    parts.push(length, body, sum)
  }
  return Buffer.concat(parts)
}

/** Another pixel, in a file that is well-formed and says the same of itself. */
export function withOtherPixel(png) {
  const all = [...chunks(png)]
  const pixels = inflateSync(Buffer.concat(all.filter(({ type }) => type === 'IDAT').map(({ data }) => data)))
  // The first byte of a row is its filter; the last pixel of the last row is nobody's neighbour.
  pixels[pixels.length - 1] ^= 0x40
  const kept = all.filter(({ type }) => type !== 'IDAT')
  kept.splice(kept.length - 1, 0, { type: 'IDAT', data: deflateSync(pixels) })
  return write(png, kept)
}

/** Another text under the keyword `dfsn`. */
export function withOtherClaim(png, change) {
  const all = [...chunks(png)].map(({ type, data }) => {
    const end = data.indexOf(0)
    const keyword = data.toString('latin1', 0, end)
    if (keyword !== 'dfsn') return { type, data }
    // tEXt: keyword, 0, text. iTXt: keyword, 0, two flags, language, 0, translation, 0, text.
    const start = type === 'iTXt' ? data.indexOf(0, data.indexOf(0, end + 3) + 1) + 1 : end + 1
    const text = change(data.toString('utf8', start))
    return { type, data: Buffer.concat([data.subarray(0, start), Buffer.from(text)]) }
  })
  return write(png, all)
}

/** Without any text. */
export const withoutText = (png) => write(png, [...chunks(png)].filter(({ type }) => !/^(tEXt|iTXt|zTXt)$/.test(type)))
