// What was found, in plain words: proven, told by this node, or wrong.

import { formatAmount } from '../chain/amount'
import { short } from '../chain/address'
import { pictureOf } from '../chain/images'
import type { Tone } from '../ui/parts'
import { commitmentOf, type Examined, isSameRequest, type JobRecord, stageName } from './verify'

export interface Finding {
  tone: Tone
  title: string
  text: string
}

export function findings(examined: Examined): Finding[] {
  const { file, proof, job } = examined
  const found = [ofFile(examined)]
  if (file.problem) return found
  if (!job || !proof) return found
  if (proof.isOtherNetwork) {
    found.push({
      tone: 'bad',
      title: 'This node is of another network',
      text: 'It is not the one that this browser has known so far. What it says of this picture says nothing about the network you know.',
    })
  }
  if (!proof.record) {
    found.push({ tone: 'bad', title: 'The chain knows no such job', text: 'The file names a job that this network does not have, or whose record is older than a week.' })
    return found
  }
  found.push(ofBlock(examined), ofBytes(examined, proof.record), ofRequest(examined, proof.record), ofJob(proof.record))
  return found
}

/** What it amounts to. */
export function verdict({ job, file }: Examined, found: Finding[]): { tone: Tone; title: string } {
  if (found.some(({ tone }) => tone === 'bad')) return { tone: 'bad', title: 'This is not the picture that it says it is' }
  if (!job) return { tone: 'warn', title: file.claim ? 'Drawn for nobody in particular' : 'This picture says nothing of itself' }
  if (found.some(({ tone }) => tone === 'warn')) return { tone: 'warn', title: 'It fits, with reservations' }
  return { tone: 'good', title: 'This picture is what it says it is' }
}

function ofFile({ file, job }: Examined): Finding {
  if (file.problem) return { tone: 'bad', title: 'What the file says of itself is damaged', text: file.problem }
  if (!file.claim) {
    return {
      tone: job ? 'warn' : 'plain',
      title: 'The file says nothing of itself',
      text: 'It is no picture of this network, or a site has taken out what it said.',
    }
  }
  const prompt = String(file.claim.params.prompt ?? '').slice(0, 120)
  const named = file.claim.job ? `and names job ${short(file.claim.job, 8, 4)}` : 'and names no job'
  return { tone: 'plain', title: 'What the file says of itself', text: `“${prompt}”, ${file.width} × ${file.height}, ${named}. So far this is only said.` }
}

function ofBlock({ proof }: Examined): Finding {
  const block = `block ${proof?.height}`
  return proof?.checkpoint != null
    ? {
        tone: 'good',
        title: 'The network stands by the job’s record',
        text: `Proven: the record is part of the state of ${block}, and the network’s sealer signed checkpoint ${proof.checkpoint} over it.`,
      }
    : {
        tone: 'warn',
        title: 'Only this node vouches for the job’s record',
        text: `The record is part of the state of ${block}, which its builder signed. No checkpoint of the network covers that block yet: that it stays is told by this node alone.`,
      }
}

function ofBytes({ file, image }: Examined, record: JobRecord): Finding {
  const committed = pictureOf(commitmentOf(record)?.commitment, image)
  if (!committed) return { tone: 'bad', title: 'The job has no such picture', text: `Its record is ${stageName(record)}: nobody committed to a picture.` }
  if (committed.file === file.file) {
    return { tone: 'good', title: 'Every byte is as committed', text: `Proven: the hash of this file, ${short(file.file, 8, 4)}, is the one in the job’s record.` }
  }
  if (committed.pixels === file.pixels) {
    return {
      tone: 'warn',
      title: 'The pixels are as committed, the file is another',
      text: 'Proven of the pixels. The file was saved again, so what it says of itself may have been changed.',
    }
  }
  return {
    tone: 'bad',
    title: 'The picture was changed',
    text: `Neither the file nor its pixels have the hashes that the worker committed to (pixels ${short(file.pixels, 8, 4)}, committed ${short(committed.pixels, 8, 4)}).`,
  }
}

function ofRequest({ file }: Examined, record: JobRecord): Finding {
  const asked = `Prompt, seed, steps, size and model are those that ${short(record.requester, 9, 4)} asked for`
  if (!file.claim) return { tone: 'plain', title: 'What was asked for', text: `“${record.params.prompt.slice(0, 120)}”, says the job’s record.` }
  return isSameRequest(file.claim.params, record.params)
    ? { tone: 'good', title: 'The request is as the file says', text: `Proven: ${asked}.` }
    : { tone: 'bad', title: 'The file names another request', text: 'Its parameters are not those of the job that it names.' }
}

function ofJob(record: JobRecord): Finding {
  const worker = commitmentOf(record)?.worker
  const by = worker ? ` by ${short(worker, 9, 4)}` : ''
  if (stageName(record) === 'settled') {
    const price = `${formatAmount(record.price, 4, true)} DFSN`
    return record.unaudited
      ? { tone: 'warn', title: 'Drawn and paid, and checked by nobody', text: `Proven: drawn${by} for ${price}; the requester waived the audit.` }
      : { tone: 'good', title: 'Drawn, open to audit, and paid', text: `Proven: drawn${by} for ${price}, and settled: no auditor showed a fault. Who audited is on the picture’s page.` }
  }
  return { tone: 'warn', title: 'The job is not settled', text: `It stands at “${stageName(record)}”, so its audit may still find a fault.` }
}
