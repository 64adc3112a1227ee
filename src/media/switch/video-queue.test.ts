import { describe, expect, it } from 'vitest'
import type { RapKindName } from '../../codec/rap-kind.ts'
import { ticks } from '../../contract/time.ts'
import { OnAirSource, type SplicePoint } from './on-air-source.ts'
import { VideoQueue } from './video-queue.ts'
import type { Playable } from '../buffer/playable.ts'
import { SlateLoop } from './slate-loop.ts'
import type { BufferedUnit } from '../buffer/unit-queue.ts'
import { VideoTrack } from './video-track.ts'

const FRAME = 3_600
const TRAIL = 1
const RADL = 7
const RASL = 9
const BLA_W_LP = 16
const BLA_W_RADL = 17
const BLA_N_LP = 18
const IDR = 19
const CRA = 21
const END = 36

const RAP_KINDS: Readonly<Record<number, RapKindName>> = {
  [BLA_N_LP]: 'bla',
  [IDR]: 'idr',
  [CRA]: 'cra',
}

/** Two slice segments per picture; an end of sequence belongs to the picture before it. */
const picturesOf = (types: readonly number[]): BufferedUnit[] => {
  const groups: number[][] = []
  for (const type of types) {
    if (type === END) groups.at(-1)!.push(type)
    else groups.push([type, type])
  }
  return groups.map((group, k) => ({
    arrival: 0,
    cleanAfter: true,
    unit: {
      ...{ pid: 256, kind: 'video', duration: 0, leading: group[0] === RASL },
      rap: RAP_KINDS[group[0]!] ?? 'none',
      pts: ticks(k * FRAME),
      dts: ticks(k * FRAME),
      data: Uint8Array.from(
        group.flatMap((type) => [0, 0, 1, type << 1, 1, ...(type === END ? [] : [0xc0, 7])]),
      ),
    },
  }))
}

const playableOf = (pictures: readonly BufferedUnit[]): Playable => ({
  hasVideo: true,
  hasAudio: [],
  frameTicks: FRAME,
  cleanEnd: pictures.length,
  videoEnd: pictures.length,
  closed: true,
  video: (index) => pictures[index],
  audio: () => undefined,
  markRead: () => {},
  audioEnd: () => undefined,
  audioStart: () => 0,
  rapAtOrBefore: () => 0,
  rapAfter: () => undefined,
})

interface Shown {
  readonly raps: readonly RapKindName[]
  /** nal_unit_type of each NAL unit except ends of sequence. */
  readonly types: readonly (readonly number[])[]
  /** Flags at the front of each slice header. */
  readonly flags: readonly number[]
}

const shownOf = (pictures: readonly BufferedUnit[], rest: Partial<SplicePoint> = {}): Shown => {
  const raps: RapKindName[] = []
  const types: number[][] = []
  const flags: number[] = []
  const track = new VideoTrack(0, ({ data, rap }) => {
    raps.push(rap)
    types.push([data[3]! >> 1, data[10]! >> 1])
    flags.push(data[5]!)
  })
  const slate = new SlateLoop({ video: [], videoTicks: 0, silence: undefined, audioTracks: 0 })
  const playable = playableOf(pictures)
  const splicePoint = { source: undefined, playable, index: 0, anchor: 0, ideal: 0, ...rest }
  const at = { offset: 0, programEnd: 0, channelHasVideo: true, edge: undefined }
  const onAir = new OnAirSource({ splicePoint, slate, ...at })
  const queue = new VideoQueue(track, 'shown')
  for (let clock = 0; clock < pictures.length * FRAME; clock += FRAME) {
    while (queue.playNext(onAir, clock) === 'shown');
  }
  return { raps, types, flags }
}

describe('a splice into HEVC', () => {
  it.each([
    {
      title: 'enters an open GOP as a broken link without its leading pictures',
      given: [CRA, RASL, RASL, TRAIL, CRA, RASL],
      shown: [BLA_W_RADL, TRAIL, CRA, RASL],
      rap: 'bla',
    },
    {
      title: 'keeps leading pictures that can be decoded',
      given: [CRA, RADL, TRAIL],
      shown: [BLA_W_RADL, RADL, TRAIL],
      rap: 'bla',
    },
    {
      title: 'leaves a broken link what it is',
      given: [BLA_N_LP, TRAIL],
      shown: [BLA_N_LP, TRAIL],
      rap: 'bla',
    },
    {
      title: 'makes a broken link where the source ends a sequence',
      given: [IDR, TRAIL, END, CRA, RASL, TRAIL],
      shown: [IDR, TRAIL, BLA_W_LP, RASL, TRAIL],
      rap: 'idr',
    },
  ])('$title', ({ given, shown, rap }) => {
    const { types, raps } = shownOf(picturesOf(given))
    expect(types).toEqual(shown.map((type) => [type, type]))
    expect(raps[0]).toBe(rap)
  })

  it('lets the pictures before it be shown', () => {
    expect(shownOf(picturesOf([CRA, TRAIL])).flags).toEqual([0x80, 0xc0])
    expect(shownOf(picturesOf([BLA_N_LP, TRAIL])).flags).toEqual([0x80, 0xc0])
  })

  it('changes nothing between twins', () => {
    const { types, raps } = shownOf(picturesOf([CRA, RASL, TRAIL]), { fixedOffset: 0 })
    expect(types).toEqual([CRA, RASL, TRAIL].map((type) => [type, type]))
    expect(raps[0]).toBe('cra')
  })

  it('changes nothing in the buffer', () => {
    const pictures = picturesOf([CRA, TRAIL, END, CRA])
    const before = structuredClone(pictures)
    shownOf(pictures)
    expect(pictures).toEqual(before)
  })
})
