/** Reads recorded FLV tag by tag ("Adobe Flash Video File Format Specification" 10.1, annex E), uncorrected by FFmpeg. */
import { readFileSync } from 'node:fs'

const HEADER_BYTES = 9
const TAG_BYTES = 11
const AUDIO = 8
const VIDEO = 9

export interface FlvTag {
  readonly type: number
  /** Milliseconds. */
  readonly dts: number
  readonly pts: number
  readonly kind: 'key' | 'other' | 'header'
  readonly body: Uint8Array
}

/** Reads the tags; the last one may be incomplete. */
export const readFlv = (path: string): FlvTag[] => {
  const file = readFileSync(path)
  const tags: FlvTag[] = []
  for (let at = HEADER_BYTES + 4; at + TAG_BYTES <= file.length;) {
    const size = file.readUIntBE(at + 1, 3)
    const dts = file.readUIntBE(at + 4, 3) + file[at + 7]! * 0x1000000
    const body = file.subarray(at + TAG_BYTES, at + TAG_BYTES + size)
    if (body.length < size) break
    tags.push({ type: file[at]!, dts, ...describe(file[at]!, dts, body) })
    at += TAG_BYTES + size + 4
  }
  return tags
}

const describe = (type: number, dts: number, body: Buffer): Omit<FlvTag, 'type' | 'dts'> => {
  if (type === VIDEO) {
    const isKey = body[0]! >> 4 === 1
    // 0: sequence header; 2: end of sequence, which FFmpeg writes at the end of a file.
    const kind = body[1] !== 1 ? 'header' : isKey ? 'key' : 'other'
    return { kind, pts: dts + body.readIntBE(2, 3), body }
  }
  const isHeader = type === AUDIO && body[0]! >> 4 === 10 && body[1] === 0
  return { kind: isHeader ? 'header' : 'other', pts: dts, body }
}

export const videoOf = (tags: readonly FlvTag[]): FlvTag[] =>
  tags.filter(({ type, kind }) => type === VIDEO && kind !== 'header')

export const audioOf = (tags: readonly FlvTag[]): FlvTag[] =>
  tags.filter(({ type, kind }) => type === AUDIO && kind !== 'header')

export interface FlvVerdict {
  /** DTS that did not increase, over both tracks. */
  readonly backward: number
  /** Steps in presentation order above 1.5 frames. */
  readonly gaps: readonly string[]
  /** Holes in the audio above half a frame (and a millisecond of rounding on either side). */
  readonly holes: readonly string[]
  readonly videoTags: number
  readonly audioTags: number
}

export const judgeFlv = (
  tags: readonly FlvTag[],
  expected: { readonly pictureMs: number; readonly soundMs: number },
): FlvVerdict => {
  const [video, audio] = [videoOf(tags), audioOf(tags)]
  return {
    backward: backwardIn(video) + backwardIn(audio),
    gaps: stepsAbove(video, expected.pictureMs * 1.5 + 1),
    holes: stepsAbove(audio, expected.soundMs * 1.5 + 1),
    videoTags: video.length,
    audioTags: audio.length,
  }
}

const backwardIn = (tags: readonly FlvTag[]): number =>
  tags.filter(({ dts }, at) => at > 0 && dts <= tags[at - 1]!.dts).length

const stepsAbove = (tags: readonly FlvTag[], limit: number): string[] => {
  // A truncated file may lack pictures that precede others in presentation.
  const end = tags.at(-1)?.dts ?? 0
  const times = tags
    .map(({ pts }) => pts)
    .filter((pts) => pts <= end)
    .sort((a, b) => a - b)
  return times.flatMap((pts, at) => {
    const step = at === 0 ? 0 : pts - times[at - 1]!
    return step > limit ? [`${step} ms before ${pts}`] : []
  })
}

/** Messages of a connection as a file, in the order in which they came. */
export const flvOf = (
  messages: readonly {
    readonly type: number
    readonly time: number
    readonly payload: Uint8Array
  }[],
): Buffer => {
  const parts: Buffer[] = [Buffer.from('464c5601050000000900000000', 'hex')]
  for (const { type, time, payload } of messages) {
    if (type !== AUDIO && type !== VIDEO) continue
    const head = Buffer.alloc(TAG_BYTES)
    head[0] = type
    head.writeUIntBE(payload.length, 1, 3)
    head.writeUIntBE(time & 0xffffff, 4, 3)
    head[7] = time >>> 24
    const size = Buffer.alloc(4)
    size.writeUInt32BE(TAG_BYTES + payload.length)
    parts.push(head, Buffer.from(payload), size)
  }
  return Buffer.concat(parts)
}
