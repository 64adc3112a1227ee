import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ticks } from '../../../contract/time.ts'
import { pictureOrder, type PictureOrder } from '../../../../test/helpers/picture-orders.ts'
import { targetSecondsOf } from '../../../contract/output-spec.ts'
import { Grid, maxGopTicksOf, type Boundary, type GridFrame } from './grid.ts'
import { RenditionSegmenter } from './rendition-segmenter.ts'
import type { VideoFrame, SegmentWriter, AudioFrame } from './segment-writer.ts'

const WALL = 1_000_000

const newGrid = (segmentSeconds: number, change: { readonly slack?: number } = {}): Grid =>
  new Grid({
    segmentSeconds,
    slack: change.slack ?? 0,
    first: 7,
    begins: 'fresh',
    wallOf: (time) => WALL + time / 90,
  })

const gridFrame = (
  { pts, dts, unit }: VideoFrame,
  demand: GridFrame['demand'] = 'none',
): GridFrame => ({ pts, dts, demand, rap: unit.rap === 'none' ? 'none' : 'closed' })

/** Boundaries that a grid finds among these pictures. */
const boundariesOf = (grid: Grid, pictures: readonly VideoFrame[]): Boundary[] =>
  pictures.flatMap((picture) => grid.addFrame(gridFrame(picture)) ?? [])

const steady = (seconds: number, gop: number, bframes = 2): VideoFrame[] =>
  pictureOrder({ frame: 3_600, bframes, groups: groupsOf(seconds * 25, gop), start: 900_000 })

const groupsOf = (pictures: number, gop: number): number[] =>
  Array.from({ length: Math.ceil(pictures / gop) }, () => gop)

const durations = (boundaries: readonly Boundary[]): number[] =>
  boundaries.slice(1).map(({ end }, i) => (end! - boundaries[i]!.start) / 90_000)

describe('the grid', () => {
  it.each([
    ['groups of a second make segments of four', 25, 4, 4],
    ['a group that would make it too long goes to the next segment', 50, 3, 2],
    ['a group as long as the target is a segment', 100, 4, 4],
    ['odd groups fill as much as they can', 24, 4, 3.84],
    ['a group slightly longer than the target fits because it is rounded', 110, 4, 4.4],
  ])('%s', (_name, gop, segmentSeconds, expected) => {
    const found = durations(boundariesOf(newGrid(segmentSeconds), steady(30, gop)))
    // The length of the first group is known when it is over.
    for (const duration of found.slice(1)) expect(duration).toBeCloseTo(expected, 6)
  })

  it('cuts at the end of a reorder group where no random access point comes in time', () => {
    const pictures = steady(30, 250)
    const grid = newGrid(4)
    const found = pictures.flatMap((picture, index) => {
      const boundary = grid.addFrame(gridFrame(picture))
      return boundary === undefined ? [] : [{ boundary, index }]
    })
    expect(found.length).toBeGreaterThan(5)
    for (const { boundary, index } of found) {
      const before = pictures.slice(0, index).map(({ pts }) => pts)
      const after = pictures.slice(index).map(({ pts }) => pts)
      expect(Math.max(0, ...before)).toBeLessThan(boundary.start)
      expect(Math.min(...after)).toBe(boundary.start)
    }
  })

  it('does not expect the groups of the source before behind a splice', () => {
    const grid = newGrid(2)
    const groups = [14, 50, 50, 50]
    const pictures = pictureOrder({ frame: 3_600, bframes: 0, groups, start: 900_000 })
    const found = pictures.flatMap((picture, index) => {
      if (index === 14) grid.splice()
      return grid.addFrame(gridFrame(picture)) ?? []
    })
    expect(durations(found)).toEqual([0.56, 2, 2])
  })

  it.each([15, 24, 25, 30, 50])(
    'always cuts at a random access point with the longest groups allowed, at %d frames per second',
    (rate) => {
      const frame = 90_000 / rate
      // A group is judged when its last picture comes.
      const gop = Math.floor(maxGopTicksOf(4) / frame) + 1
      const order = { frame, bframes: 2, groups: groupsOf(40 * rate, gop), start: 900_000 }
      const grid = newGrid(4, { slack: 2_880 })
      for (const picture of pictureOrder(order)) {
        if (grid.addFrame(gridFrame(picture)) !== undefined) {
          expect(picture.unit.rap).not.toBe('none')
        }
      }
      expect(gop * frame).toBeGreaterThan(4.2 * 90_000)
    },
  )

  it('numbers segments, and adds durations up to wall time', () => {
    const found = boundariesOf(newGrid(2), steady(12, 25))
    for (const [i, { number, wallMs, start }] of found.entries()) {
      expect(number).toBe(7 + i)
      expect(wallMs).toBeCloseTo(WALL + start / 90, 6)
    }
  })

  it.each([
    ['keeps the added-up time while the clock is at most 100 ms off', 90, 'reckoned'],
    ['follows a clock that is further off', 150, 'measured'],
  ] as const)('%s', (_name, offMs, which) => {
    let off = 0
    const grid = new Grid({
      ...{ segmentSeconds: 2, slack: 0, first: 0, begins: 'fresh' },
      wallOf: (time) => WALL + time / 90 + off,
    })
    const pictures = steady(10, 50)
    const [first] = boundariesOf(grid, pictures.slice(0, 60))
    off = offMs
    const next = boundariesOf(grid, pictures.slice(60))[0]!
    const exact = first!.wallMs + (next.start - first!.start) / 90
    expect(next.wallMs).toBeCloseTo(which === 'reckoned' ? exact : exact + offMs, 6)
  })

  it('starts a segment on demand at a random access point, with a discontinuity only on demand', () => {
    const pictures = steady(12, 25)
    const grid = newGrid(4)
    const found = pictures.flatMap((picture, index) => {
      const demand = index === 150 ? 'cut' : index === 200 ? 'discontinuity' : 'none'
      return grid.addFrame(gridFrame(picture, demand)) ?? []
    })
    const at = (index: number): Boundary | undefined =>
      found.find(({ start }) => start === pictures[index]!.pts)
    expect(at(150)).toMatchObject({ discontinuity: false })
    expect(at(200)).toMatchObject({ discontinuity: true })
    expect(found.filter(({ discontinuity }) => discontinuity)).toHaveLength(1)
  })

  it('ends a segment where its pictures end, and starts the next behind the hole', () => {
    const before = steady(3, 25)
    const after = pictureOrder({ frame: 3_600, bframes: 0, groups: [30], start: 2_000_000 })
    const grid = newGrid(4)
    boundariesOf(grid, before)
    grid.hole()
    const [first] = boundariesOf(grid, after.slice(3))
    expect(first).toMatchObject({ discontinuity: true, start: 2_000_000 + 3 * 3_600 })
    expect(first!.end).toBe(900_000 + 75 * 3_600)
  })

  it('lets a rung re-enter at the next segment that starts with a random access point', () => {
    const grid = newGrid(4)
    const pictures = steady(40, 250)
    boundariesOf(grid, pictures.slice(0, 20))
    grid.demandRejoin()
    const found = pictures.slice(20).flatMap((picture) => {
      const boundary = grid.addFrame(gridFrame(picture))
      return boundary === undefined ? [] : [{ boundary, entry: picture.unit.rap }]
    })
    const rejoins = found.filter(({ boundary }) => boundary.isRejoin)
    expect(rejoins).toMatchObject([{ entry: 'idr', boundary: { discontinuity: true } }])
    expect(found.filter(({ boundary }) => boundary.discontinuity)).toHaveLength(1)
  })

  it('starts with a discontinuity after a restart', () => {
    const grid = new Grid({
      ...{ segmentSeconds: 2, slack: 0, first: 0, wallOf: () => 0 },
      begins: 'after_restart',
    })
    const found = boundariesOf(grid, steady(8, 25))
    expect(found.map(({ discontinuity }) => discontinuity)).toEqual(
      found.map((_boundary, index) => index === 0),
    )
  })
})

/** Records the frames of each segment. */
class Recorder implements SegmentWriter {
  readonly segments: {
    boundary: Boundary
    end: number | undefined
    pictures: VideoFrame[]
    audio: AudioFrame[]
  }[] = []

  begin(boundary: Boundary): void {
    this.segments.push({ boundary, end: undefined, pictures: [], audio: [] })
  }
  video(picture: VideoFrame): void {
    this.segments.at(-1)!.pictures.push(picture)
  }
  audio(_track: number, frame: AudioFrame): void {
    this.segments.at(-1)!.audio.push(frame)
  }
  end(end: number): void {
    this.segments.at(-1)!.end = end
  }
  abandon(): 'unpublished' {
    this.segments.pop()
    return 'unpublished'
  }
  gap(): void {}
}

const AUDIO = 1_920

const audioFrameAt = (pts: number): AudioFrame => ({
  pts: ticks(pts),
  unit: {
    ...{ pid: 0x110, kind: 'audio', rap: 'none', leading: false, duration: AUDIO },
    pts: ticks(pts),
    dts: ticks(pts),
    data: new Uint8Array(0),
  },
})

const orders: fc.Arbitrary<PictureOrder> = fc.record({
  frame: fc.constantFrom(1_500, 1_800, 3_000, 3_003, 3_600, 3_750),
  bframes: fc.integer({ min: 0, max: 3 }),
  groups: fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 3, maxLength: 12 }),
  start: fc.integer({ min: 900_000, max: 9_000_000 }),
})

describe('any program', () => {
  it('is cut without loss: no segment is above the target, and all renditions have the same boundaries', () => {
    fc.assert(
      fc.property(
        orders,
        fc.constantFrom(1, 2, 2.5, 4, 6),
        fc.integer({ min: 0, max: 20 }),
        fc.array(fc.constantFrom('none', 'none', 'cut', 'discontinuity'), { minLength: 12 }),
        (order, segmentSeconds, encoderDelay, demands) => {
          const grid = newGrid(segmentSeconds, { slack: AUDIO })
          const pictures = pictureOrder(order)
          // A rung has the same pictures, random access points at the same times, and its own order.
          const rung = pictureOrder({ ...order, bframes: 0 })
          const program = new Recorder()
          const encoded = new Recorder()
          const segmenters = [program, encoded].map(
            (writer) =>
              new RenditionSegmenter({
                writer,
                video: 'with',
                audioTracks: [0],
                maxWaitTicks: 9e9,
              }),
          )
          const asked = new Set<number>()
          let audioPts = order.start + 777
          let groups = 0
          for (const [i, picture] of pictures.entries()) {
            const entry = picture.unit.rap !== 'none'
            const demand = (
              entry ? demands[groups++ % demands.length] : 'none'
            ) as GridFrame['demand']
            const boundary = grid.addFrame(gridFrame(picture, demand))
            if (demand === 'discontinuity') asked.add(picture.pts)
            if (boundary !== undefined)
              for (const segmenter of segmenters) segmenter.plan(boundary, 0)
            segmenters[0]!.video(picture)
            const late = rung[i - encoderDelay]
            if (late !== undefined) segmenters[1]!.video(late)
            for (; audioPts <= picture.dts; audioPts += AUDIO) {
              for (const segmenter of segmenters) segmenter.audio(0, audioFrameAt(audioPts))
            }
          }
          const done = program.segments.filter(({ end }) => end !== undefined)
          const limit = targetSecondsOf(segmentSeconds)
          for (const [i, { boundary, end, pictures: own, audio }] of done.entries()) {
            const next = program.segments[i + 1]?.boundary
            expect(next?.start).toBe(end)
            expect(next?.number).toBe(boundary.number + 1)
            expect(Math.round((end! + AUDIO - boundary.start) / 90_000)).toBeLessThanOrEqual(limit)
            const within =
              (from: number) =>
              ({ pts }: { readonly pts: number }): boolean =>
                pts >= boundary.start - from && pts < end!
            expect(own.every(within(0))).toBe(true)
            expect(audio.every(within(1))).toBe(true)
            if (boundary.discontinuity) expect(asked).toContain(boundary.start)
          }
          const kept = done.flatMap((segment) => segment.pictures)
          expect(kept.every((picture, i) => picture === pictures[i])).toBe(true)
          const alike = encoded.segments.filter(({ end }) => end !== undefined)
          expect(alike.map(({ boundary }) => boundary)).toEqual(
            done.slice(0, alike.length).map(({ boundary }) => boundary),
          )
          const shown = (segments: typeof alike): string =>
            segments
              .map(({ pictures: own }) => own.map(({ pts }) => pts).sort((x, y) => x - y))
              .join('|')
          expect(shown(alike)).toBe(shown(done.slice(0, alike.length)))
          const audio = done.flatMap((segment) => segment.audio.map(({ pts }) => pts))
          expect(audio.slice(1).every((pts, i) => AUDIO === pts - audio[i]!)).toBe(true)
        },
      ),
      { numRuns: 100 },
    )
  })
})
