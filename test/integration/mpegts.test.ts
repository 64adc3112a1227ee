import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ticks, ticksOfMs } from '../../src/contract/time.ts'
import type { AccessUnit } from '../../src/mpegts/access-unit.ts'
import { TsMuxer, type MuxTrack } from '../../src/mpegts/muxer.ts'
import { FfmpegFixtures, type Fixture } from '../helpers/ffmpeg-fixtures.ts'
import { demuxAll } from '../helpers/ts-program.ts'

const run = promisify(execFile)

const PICTURE = '-f lavfi -i testsrc2=s=320x180:r=25'
const TONE = '-f lavfi -i sine=r=48000'
const TWO_TONES = `${TONE} ${TONE} -map 0 -map 1 -map 2`

const CASES: readonly (readonly [string, string])[] = [
  ['h264 with B-frames and aac', `${PICTURE} ${TONE} -c:v libx264 -bf 2 -g 25 -c:a aac`],
  ['hevc and eac3', `${PICTURE} ${TONE} -c:v libx265 -x265-params log-level=0 -g 25 -c:a eac3`],
  ['mpeg2 and mp2', `${PICTURE} ${TONE} -c:v mpeg2video -bf 2 -g 15 -c:a mp2`],
  [
    'h264, ac3 and aac in two languages',
    `${PICTURE} ${TWO_TONES} -c:v libx264 -preset ultrafast -c:a:0 ac3 -c:a:1 aac -metadata:s:a:0 language=eng -metadata:s:a:1 language=deu`,
  ],
  [
    'pictures with exact PES length',
    `${PICTURE} ${TONE} -c:v libx264 -c:a aac -omit_video_pes_length 0`,
  ],
  ['audio alone', `${TONE} -c:a libmp3lame`],
]

interface Packet {
  readonly stream_index: number
  readonly pts: number
  readonly dts: number
  readonly size: string
  readonly flags: string
}

interface Probe {
  readonly streams: readonly {
    readonly id: string
    readonly codec_name: string
    readonly tags?: { language?: string }
  }[]
  readonly packets: readonly Packet[]
}

const probe = async (path: string): Promise<Probe> => {
  const { stdout } = await run(
    'ffprobe',
    ['-v', 'error', '-of', 'json', '-show_streams', '-show_packets', path],
    { maxBuffer: 1e8 },
  )
  return JSON.parse(stdout) as Probe
}

/** Sizes may differ by a zero byte between two pictures: FFmpeg's parser gives it to the first, the standard to the second. */
const line = (pts: number, dts: number, key: boolean): string => `${pts} ${dts} ${key ? 'K' : '-'}`

const remux = (units: readonly AccessUnit[], tracks: readonly MuxTrack[]): Buffer => {
  const muxer = new TsMuxer({ tracks, serviceName: 'Sluice', muxDelay: ticksOfMs(700) })
  const parts: Uint8Array[] = []
  for (const unit of [...units].sort((a, b) => a.dts - b.dts)) {
    muxer.advance(ticks(unit.dts))
    const track = tracks.findIndex(({ pid }) => pid === unit.pid)
    muxer.write({
      track,
      pts: unit.pts,
      dts: unit.dts,
      rap: unit.rap !== 'none',
      data: unit.data,
    })
    parts.push(muxer.takeBatch().bytes)
  }
  expect(muxer.lateUnits).toBe(0)
  return Buffer.concat(parts)
}

describe.each(CASES)('%s', (_, recipe) => {
  const fixtures = new FfmpegFixtures()
  let folder = ''
  let made: Fixture
  let remuxed = ''

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-mpegts-'))
    made = await fixtures.encode([...recipe.split(' '), '-t', '3'], 'ts')
    const { units, programs } = demuxAll(made.bytes, { chunk: 10_000 })
    const tracks: MuxTrack[] = []
    for (const { pid, codec, language } of programs.at(-1)!.tracks) {
      if (codec) tracks.push({ pid, codec, ...(language ? { language } : {}) })
    }
    remuxed = join(folder, 'remuxed.ts')
    await writeFile(remuxed, remux(units, tracks))
  })

  afterAll(async () => {
    await fixtures.remove()
    await rm(folder, { recursive: true, force: true })
  })

  it('demuxes to the packets that ffprobe sees', async () => {
    const { units, programs, demuxer } = demuxAll(made.bytes, { chunk: 10_000 })
    const { streams, packets } = await probe(made.path)
    for (const [index, stream] of streams.entries()) {
      const pid = Number(stream.id)
      const theirs = packets.filter(({ stream_index }) => stream_index === index)
      const ours = units.filter((unit) => unit.pid === pid)
      const isVideo = ours[0]!.kind === 'video'
      expect(ours.map((u) => line(u.pts, u.dts, !isVideo || u.rap !== 'none'))).toEqual(
        theirs.map((p) => line(p.pts, p.dts, p.flags.startsWith('K'))),
      )
      const off = ours.map((unit, k) => Math.abs(unit.data.length - Number(theirs[k]!.size)))
      expect(Math.max(...off)).toBeLessThanOrEqual(isVideo ? 1 : 0)
      const track = programs.at(-1)!.tracks.find((candidate) => candidate.pid === pid)
      expect(track?.language).toBe(stream.tags?.language)
    }
    expect(demuxer.counters).toMatchObject({
      damagedUnits: 0,
      continuityErrors: 0,
      skippedBytes: 0,
    })
  })

  it('is muxed so that ffprobe sees the same packets again', async () => {
    const [before, after] = [await probe(made.path), await probe(remuxed)]
    expect(after.streams.map((s) => [s.id, s.codec_name, s.tags?.language])).toEqual(
      before.streams.map((s) => [s.id, s.codec_name, s.tags?.language]),
    )
    for (const index of before.streams.keys()) {
      const of = (all: Probe): string[] =>
        all.packets
          .filter(({ stream_index }) => stream_index === index)
          .map((p) => line(p.pts, p.dts, p.flags.startsWith('K')))
      expect(of(after)).toEqual(of(before))
    }
  })

  it('is muxed so that ffmpeg and tsreport find no fault', async () => {
    // Not seekable: at the end of a file FFmpeg looks for the duration from an offset inside a packet, and takes payload for a header.
    const debug = await run(
      'ffmpeg',
      ['-v', 'debug', '-seekable', '0', '-i', remuxed, '-map', '0', '-f', 'null', '-'],
      {
        maxBuffer: 1e8,
      },
    )
    expect(debug.stderr).not.toMatch(/Continuity check failed|corrupt|non monoton|error while/i)
    const report = await run('tsreport', ['-buffering', '-q', remuxed], { maxBuffer: 1e7 })
    expect(report.stdout + report.stderr).not.toMatch(/###|!!!/)
  })
})
