/** Access units that carry a stamp instead of a picture: for unit tests of timelines under a fake clock. */
import { ticks } from '../../src/contract/time.ts'
import type { AccessUnit, RapKind, Pid } from '../../src/mpegts/access-unit.ts'

/** Decode order of one reorder group: anchors only, one or two B-frames before each anchor, or three in two levels. */
export type Reorder = 'IP' | 'IPB' | 'IPBB' | 'pyramid'

export interface SyntheticSpec {
  /** Name of the emitter: read back by `stampOf`. */
  readonly tag: string
  readonly fps: number
  /** Pictures from one random access point to the next; every GOP is closed. */
  readonly gop: number
  readonly reorder: Reorder
  /** PTS of the first picture, in ticks. */
  readonly start: number
  /** Pictures. */
  readonly count: number
  readonly rap: RapKind
  readonly videoPid: Pid
  /** Length of an audio frame in ticks; 0: no audio. AAC at 48 kHz: 1920. */
  readonly audioTicks: number
  readonly audioPid: Pid
  /** PTS of the first audio frame minus `start`. */
  readonly audioLead: number
  /** Bytes of payload to fill each picture up to. */
  readonly pictureBytes: number
  /** Number of the first picture and audio frame. */
  readonly firstFrame: number
}

const DEFAULTS: SyntheticSpec = {
  tag: 's0',
  fps: 25,
  gop: 25,
  reorder: 'IPBB',
  start: 900_000,
  count: 50,
  rap: 'idr',
  videoPid: 0x100,
  audioTicks: 1920,
  audioPid: 0x101,
  audioLead: 0,
  pictureBytes: 0,
  firstFrame: 0,
}

export interface Stamp {
  readonly tag: string
  readonly kind: 'video' | 'audio'
  /** Pictures: in presentation order. */
  readonly frame: number
}

/** Video and audio in the order of their DTS (video first where equal), as a demuxer emits them. */
export const syntheticUnits = (options: Partial<SyntheticSpec> = {}): AccessUnit[] => {
  const spec = { ...DEFAULTS, ...options }
  const video = syntheticVideo(spec)
  const audio = syntheticAudio(spec)
  return [...video, ...audio].sort((a, b) => a.dts - b.dts || (a.kind === 'video' ? -1 : 1))
}

/** The stamp of a unit made above, also after its bytes went through a muxer and a demuxer. */
export const stampOf = (unit: { readonly data: Uint8Array }): Stamp | undefined => {
  const text = Buffer.from(unit.data.buffer, unit.data.byteOffset, unit.data.byteLength)
  const found = /<([^/<>]+)\/(video|audio)\/(\d+)>/.exec(text.toString('latin1'))
  if (found === null) return undefined
  return { tag: found[1]!, kind: found[2] === 'video' ? 'video' : 'audio', frame: Number(found[3]) }
}

const GROUPS: Record<Reorder, readonly number[]> = {
  IP: [1],
  IPB: [2, 1],
  IPBB: [3, 1, 2],
  pyramid: [4, 2, 1, 3],
}
const DEPTH: Record<Reorder, number> = { IP: 0, IPB: 1, IPBB: 1, pyramid: 2 }

/** Display positions of one GOP in decode order; an incomplete reorder group at the end is coded without reordering. */
export const decodeOrder = (reorder: Reorder, gop: number): number[] => {
  const order = [0]
  const group = GROUPS[reorder]
  let base = 0
  while (base + group.length < gop) {
    order.push(...group.map((step) => base + step))
    base += group.length
  }
  for (let position = base + 1; position < gop; position++) order.push(position)
  return order
}

const syntheticVideo = (spec: SyntheticSpec): AccessUnit[] => {
  const frame = 90_000 / spec.fps
  const units: AccessUnit[] = []
  for (let base = 0; base < spec.count; base += spec.gop) {
    const pictures = Math.min(spec.gop, spec.count - base)
    for (const [decoded, position] of decodeOrder(spec.reorder, pictures).entries()) {
      const number = spec.firstFrame + base + position
      const rap = position === 0 ? spec.rap : 'none'
      units.push({
        pid: spec.videoPid,
        kind: 'video',
        pts: ticks(spec.start + (base + position) * frame),
        dts: ticks(spec.start + (base + decoded - DEPTH[spec.reorder]) * frame),
        rap,
        leading: false,
        duration: 0,
        data: picture(`<${spec.tag}/video/${number}>`, rap !== 'none', spec.pictureBytes),
      })
    }
  }
  return units
}

const syntheticAudio = (spec: SyntheticSpec): AccessUnit[] => {
  if (spec.audioTicks === 0) return []
  const end = spec.start + (spec.count * 90_000) / spec.fps
  const units: AccessUnit[] = []
  const first = spec.start + spec.audioLead
  for (let i = 0; first + i * spec.audioTicks < end; i++) {
    const pts = ticks(first + i * spec.audioTicks)
    units.push({
      pid: spec.audioPid,
      kind: 'audio',
      pts,
      dts: pts,
      rap: 'none',
      leading: false,
      duration: spec.audioTicks,
      data: adtsFrame(`<${spec.tag}/audio/${spec.firstFrame + i}>`),
    })
  }
  return units
}

/** Shaped like H.264 (access unit delimiter, then one slice NAL); it does not decode. */
const picture = (stamp: string, rap: boolean, size: number): Uint8Array => {
  const slice = rap ? 0x65 : 0x41
  const head = [0, 0, 0, 1, 0x09, 0xf0, 0, 0, 0, 1, slice]
  const text = Buffer.from(stamp, 'latin1')
  const data = new Uint8Array(Math.max(size, head.length + text.length)).fill(0x2e)
  data.set(head)
  data.set(text, head.length)
  return data
}

/** ISO/IEC 13818-7, 6.2: AAC LC, 48 kHz, stereo; the frame length is right, the payload is the stamp. */
const adtsFrame = (stamp: string): Uint8Array => {
  const text = Buffer.from(stamp, 'latin1')
  const size = 7 + text.length
  const header = [
    0xff,
    0xf1,
    0x4c,
    0x80 | (size >> 11),
    (size >> 3) & 0xff,
    ((size & 7) << 5) | 0x1f,
  ]
  return Uint8Array.from([...header, 0xfc, ...text])
}
