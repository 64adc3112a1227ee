import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BufferSource, EncodedPacketSink, Input, MP4 } from 'mediabunny'
import { createFile, MP4BoxBuffer } from 'mp4box'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FfmpegFixtures } from '../../test/helpers/ffmpeg-fixtures.ts'
import { decoderErrors } from '../../test/helpers/ffmpeg-tools.ts'
import { fragmentsOf, tracksOf, type CodedTrack } from '../../test/helpers/fmp4-program.ts'
import { codecString } from './codec-string.ts'
import { initSegment } from './init-segment.ts'

const PICTURES = ['-f', 'lavfi', '-i', 'testsrc2=size=322x180:rate=25']
const toneInput = (rate: number): string[] => [
  '-f',
  'lavfi',
  '-i',
  `sine=f=440:sample_rate=${rate}`,
]
const X264 = ['-c:v', 'libx264', '-preset', 'veryfast', '-g', '25']

interface Case {
  readonly name: string
  readonly args: readonly string[]
  /** Codec names of the tracks in ffprobe. */
  readonly codecs: readonly string[]
  readonly strings: readonly string[]
  /** Codec strings of mp4box, in lower case, where they differ: it names MP3 by the object type. */
  readonly mp4box?: readonly string[]
}

const CASES: readonly Case[] = [
  {
    name: 'H.264 High with B-frames and AAC',
    args: [...PICTURES, ...toneInput(48_000), ...X264, '-bf', '3', '-c:a', 'aac', '-ac', '2'],
    codecs: ['h264', 'aac'],
    strings: ['avc1.64000d', 'mp4a.40.2'],
  },
  {
    name: 'H.264 High 4:2:2 with 10 bits, interlaced, not square, and E-AC-3',
    args: [
      ...[...PICTURES, ...toneInput(48_000), '-vf', 'scale=320:192,setsar=16/11', ...X264],
      ...['-pix_fmt', 'yuv422p10', '-flags', '+ildct+ilme', '-c:a', 'eac3', '-ac', '6'],
    ],
    codecs: ['h264', 'eac3'],
    strings: ['avc1.7a0015', 'ec-3'],
  },
  {
    name: 'HEVC with B-frames and AC-3 with LFE',
    args: [
      ...[...PICTURES, ...toneInput(48_000), '-c:v', 'libx265', '-preset', 'ultrafast'],
      ...['-x265-params', 'log-level=error:keyint=25:bframes=3', '-c:a', 'ac3', '-ac', '6'],
    ],
    codecs: ['hevc', 'ac3'],
    strings: ['hvc1.1.6.L60.90', 'ac-3'],
  },
  {
    name: 'HEVC with 10 bits and AAC of three channels',
    args: [
      ...[...PICTURES, ...toneInput(44_100), '-c:v', 'libx265', '-preset', 'ultrafast'],
      ...['-pix_fmt', 'yuv420p10', '-x265-params', 'log-level=error:keyint=25'],
      ...['-af', 'aformat=channel_layouts=2.1', '-c:a', 'aac'],
    ],
    codecs: ['hevc', 'aac'],
    strings: ['hvc1.2.4.L60.90', 'mp4a.40.2'],
  },
  {
    name: 'H.264 Baseline and MP3',
    args: [
      ...[
        ...PICTURES,
        ...toneInput(44_100),
        ...X264,
        '-profile:v',
        'baseline',
        '-pix_fmt',
        'yuv420p',
      ],
      ...['-c:a', 'libmp3lame', '-ac', '2'],
    ],
    codecs: ['h264', 'mp3'],
    strings: ['avc1.42c00d', 'mp4a.40.34'],
    mp4box: ['avc1.42c00d', 'mp4a.6b'],
  },
  {
    name: 'MP3 of a half rate alone',
    args: [...toneInput(22_050), '-c:a', 'libmp3lame'],
    codecs: ['mp3'],
    strings: ['mp4a.40.34'],
    mp4box: ['mp4a.69'],
  },
  {
    name: 'MP2 alone',
    args: [...toneInput(48_000), '-c:a', 'mp2'],
    // One object type stands for all layers, and ffprobe does not look further.
    codecs: ['mp3'],
    strings: ['mp4a.6B'],
  },
]

const fixtures = new FfmpegFixtures()
let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-mp4-'))
})
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true })
  await fixtures.remove()
})

interface Muxed {
  readonly tracks: readonly CodedTrack[]
  readonly bytes: Uint8Array
  readonly path: string
}

/** Muxes 7 frames per fragment, so that fragments rarely end with a GOP. */
const mux = async ({ args }: Case): Promise<Muxed> => {
  const { bytes: stream } = await fixtures.encode([...args, '-t', '3'], 'ts')
  const tracks = tracksOf(stream)
  const bytes = Buffer.concat([
    initSegment(tracks.map(({ track }) => track)),
    ...fragmentsOf(tracks, 7),
  ])
  const path = join(folder, 'muxed.mp4')
  writeFileSync(path, bytes)
  return { tracks, bytes, path }
}

interface Packet {
  readonly pts: number
  readonly dts: number
  readonly duration: number
  readonly size: number
  readonly key: boolean
}

const packetsOf = ({ baseTime, samples }: CodedTrack): Packet[] => {
  let dts = baseTime
  return samples.map(({ duration, compositionOffset, data, rap: key }) => {
    const packet = { pts: dts + compositionOffset, dts, duration, size: data.length, key }
    dts += duration
    return packet
  })
}

interface Probe {
  readonly streams: readonly Record<string, string | number>[]
  readonly packets: readonly Record<string, string | number>[]
}

const ffprobe = (path: string): Probe =>
  JSON.parse(
    execFileSync(
      'ffprobe',
      ['-v', 'error', '-of', 'json', '-show_streams', '-show_packets', path],
      {
        encoding: 'utf8',
        maxBuffer: 1 << 26,
      },
    ),
  )

/** Body of the first box of a type, wherever it lies; in hex, so that a difference reads well. */
const bodyOf = (file: Uint8Array, type: string): string | undefined => {
  const bytes = Buffer.from(file)
  const at = bytes.indexOf(type)
  return at < 0 ? undefined : bytes.toString('hex', at + 4, at - 4 + bytes.readUInt32BE(at - 4))
}

/** Reads object type and AudioSpecificConfig, without bit rates, and without FFmpeg's comment and extension ("no SBR"). */
const specificOf = (esds: string | undefined): string[] =>
  /04808080..(..).{24}(?:05808080..(.*?)(?:56e500)?)?06808080/
    .exec(esds?.replace(/0d4c617663.{18}/, '00') ?? '')
    ?.slice(1) ?? []

describe.each(CASES)('fragments of $name', (one) => {
  let muxed: Muxed
  beforeAll(async () => {
    muxed = await mux(one)
  })

  it('have exactly the muxed times, durations, sizes and random access points in ffprobe', () => {
    const { streams, packets } = ffprobe(muxed.path)
    expect(streams.map((stream) => stream['codec_name'])).toEqual(one.codecs)
    for (const [index, coded] of muxed.tracks.entries()) {
      const own = packets.filter((packet) => packet['stream_index'] === index)
      const read = own.map((packet) => ({
        pts: packet['pts'],
        dts: packet['dts'],
        duration: packet['duration'],
        size: Number(packet['size']),
        key: String(packet['flags']).startsWith('K'),
      }))
      expect(read).toEqual(packetsOf(coded))
      expect(read.length).toBeGreaterThan(60)
      const { track } = coded
      const stream = streams[index]!
      expect(stream['time_base']).toBe(`1/${track.timescale}`)
      if (track.kind === 'video') {
        expect([stream['width'], stream['height']]).toEqual([track.width, track.height])
        const { num, den } = track.pixelAspect ?? { num: 1, den: 1 }
        expect(stream['sample_aspect_ratio'] ?? '1:1').toBe(`${num}:${den}`)
      } else {
        expect(stream['channels']).toBe(track.channels)
        expect(stream['sample_rate']).toBe(String(track.sampleRate))
      }
    }
  })

  it('decode in FFmpeg without a line on stderr', async () => {
    expect(await decoderErrors(muxed.path)).toBe('')
  })

  it('configure decoders with the bytes that FFmpeg writes', async () => {
    const { path } = await fixtures.encode([...one.args, '-t', '3'], 'ts')
    const { bytes: peer } = await fixtures.encode(['-i', path, '-c', 'copy'], 'mp4')
    const ours = initSegment(muxed.tracks.map(({ track }) => track))
    for (const type of ['avcC', 'dac3', 'dec3']) {
      expect(bodyOf(ours, type), type).toEqual(bodyOf(peer, type))
    }
    // Parallel decoding fields and SEI are FFmpeg's own.
    const record = bodyOf(ours, 'hvcC')
    expect(record?.slice(0, 13)).toEqual(bodyOf(peer, 'hvcC')?.slice(0, 13))
    expect(record?.slice(16, 22)).toEqual(bodyOf(peer, 'hvcC')?.slice(16, 22))
    expect(specificOf(bodyOf(ours, 'esds'))).toEqual(specificOf(bodyOf(peer, 'esds')))
  })

  it('are read by mp4box with the same samples and codec strings', () => {
    const file = createFile()
    file.onError = (module, message) => {
      throw new Error(`${module}: ${message}`)
    }
    file.appendBuffer(MP4BoxBuffer.fromArrayBuffer(new Uint8Array(muxed.bytes).buffer, 0))
    file.flush()
    const strings = muxed.tracks.map(({ track }) => codecString(track))
    expect(strings).toEqual(one.strings)
    const { tracks } = file.getInfo()
    expect(tracks.map((track) => track.codec.toLowerCase())).toEqual(
      one.mp4box ?? strings.map((text) => text.toLowerCase()),
    )
    for (const coded of muxed.tracks) {
      const read = file.getTrackSamplesInfo(coded.track.id).map((sample) => ({
        pts: sample.cts,
        dts: sample.dts,
        duration: sample.duration,
        size: sample.size,
        key: sample.is_sync,
      }))
      expect(read).toEqual(packetsOf(coded))
      expect(tracks[coded.track.id - 1]?.language).toBe(
        coded.track.kind === 'audio' ? 'deu' : 'und',
      )
    }
  })

  it('are read by mediabunny with the same frames', async () => {
    using input = new Input({ formats: [MP4], source: new BufferSource(muxed.bytes) })
    const tracks = await input.getTracks()
    for (const coded of muxed.tracks) {
      const track = tracks.find(({ id }) => id === coded.track.id)!
      const sink = new EncodedPacketSink(track)
      const read: Omit<Packet, 'dts' | 'duration'>[] = []
      for await (const packet of sink.packets()) {
        const pts = Math.round(packet.timestamp * coded.track.timescale)
        read.push({ pts, size: packet.byteLength, key: packet.type === 'key' })
      }
      // It exposes no decoding times.
      expect(read).toEqual(packetsOf(coded).map(({ pts, size, key }) => ({ pts, size, key })))
    }
  })
})
