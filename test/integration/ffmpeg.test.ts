import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { spawn } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { AudioFormat, VideoFormat } from '../../src/contract/format.ts'
import { findFfmpeg, type FfmpegCapabilities } from '../../src/ffmpeg/capabilities.ts'
import { conformArguments } from '../../src/ffmpeg/conform-arguments.ts'
import { startFfmpeg, type FfmpegProcess } from '../../src/ffmpeg/ffmpeg-process.ts'
import { escapeFilterValue } from '../../src/ffmpeg/filter-text.ts'
import { DEFAULT_AUDIO, DEFAULT_VIDEO } from '../../src/ffmpeg/generated-source.ts'
import { probe } from '../../src/ffmpeg/probe.ts'
import { slateArguments, slateFrames } from '../../src/ffmpeg/slate-arguments.ts'
import {
  COPY_RECIPE,
  sourceArguments,
  type SourceRequest,
} from '../../src/ffmpeg/source-arguments.ts'
import type { StderrLine } from '../../src/ffmpeg/stderr-lines.ts'
import type { TargetFormat } from '../../src/ffmpeg/target-format.ts'
import type { ProcessHost } from '../../src/process/host.ts'
import { decoderErrors, ffmpeg, ffprobe, freePort } from '../helpers/ffmpeg-tools.ts'
import { allBytes, isAlive, plainHost } from '../helpers/processes.ts'

let folder: string
let host: ProcessHost
let capabilities: FfmpegCapabilities
let abort: AbortController
const path = (name: string): string => join(folder, name)

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-test-'))
  host = plainHost()
  capabilities = await findFfmpeg(host, {}, new AbortController().signal)
  const picture = ['-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=25:duration=2']
  const sound = ['-f', 'lavfi', '-i', 'sine=440:sample_rate=48000:duration=2']
  const h264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-bf', '2', '-g', '25']
  ffmpeg(...picture, ...sound, ...h264, '-c:a', 'aac', '-output_ts_offset', '5000', path('a.ts'))
  ffmpeg('-i', path('a.ts'), '-c', 'copy', path('a.flv'))
  ffmpeg('-i', path('a.ts'), '-c', 'copy', path('a.mp4'))
  ffmpeg(...picture, ...sound, ...h264, '-c:a', 'libopus', '-strict', '-2', path('opus.mkv'))
  // Standard definition: anamorphic, interlaced, MPEG-2 with MP2 at 44.1 kHz mono.
  ffmpeg(
    ...picture.with(-1, 'testsrc2=size=720x576:rate=25:duration=2,setsar=16/15'),
    ...sound.with(-1, 'sine=440:sample_rate=44100:duration=2'),
    ...['-c:v', 'mpeg2video', '-flags', '+ildct+ilme', '-b:v', '3M', '-c:a', 'mp2', path('sd.ts')],
  )
  writeFileSync(path('not-media.ts'), 'hello '.repeat(10_000))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))
beforeEach(() => {
  abort = new AbortController()
})
afterEach(() => abort.abort())

const videoFormat: VideoFormat = {
  ...DEFAULT_VIDEO.format,
  width: 640,
  height: 360,
}
const audioFormat: AudioFormat = { ...DEFAULT_AUDIO.format }
const target: TargetFormat = {
  video: { format: videoFormat, gopSeconds: 1, preset: 'ultrafast' },
  audio: { format: audioFormat },
}

const request = (url: string, change: Partial<SourceRequest> = {}): SourceRequest => ({
  url,
  recipe: COPY_RECIPE,
  encoded: target,
  loop: false,
  video: 'auto',
  audio: 'auto',
  inputOptions: {},
  ...change,
})

interface Started extends FfmpegProcess {
  readonly lines: StderrLine[]
}

const start = (
  args: readonly string[],
  more: { stdin?: 'pipe'; secrets?: string[] } = {},
): Started => {
  const lines: StderrLine[] = []
  const run = {
    ffmpeg: capabilities.ffmpeg,
    args,
    stdin: more.stdin ?? ('none' as const),
    purpose: 'test',
    secrets: more.secrets ?? [],
    onLine: (line: StderrLine) => void lines.push(line),
  }
  return { ...startFfmpeg(host, run, abort.signal), lines }
}

const startSource = (change: SourceRequest): Started => {
  const command = sourceArguments(change)
  return start(command.args, { secrets: [...command.secrets] })
}

/** Runs to the end of the stream, or until so many bytes have come; gives the name of the file with them. */
const record = async (running: Started, name: string, bytes = Infinity): Promise<string> => {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of running.stdout) {
    chunks.push(chunk)
    length += chunk.byteLength
    if (length >= bytes) break
  }
  if (length >= bytes) abort.abort()
  await running.ended
  writeFileSync(path(name), Buffer.concat(chunks))
  return path(name)
}

const times = async (file: string, kind: string): Promise<number[]> =>
  (await ffprobe(file)).packets.filter((packet) => packet.codec_type === kind).map(({ dts }) => dts)

describe('capabilities', () => {
  test('the ffmpeg of this machine is found with what it can do', () => {
    expect(capabilities.version.major).toBeGreaterThanOrEqual(4)
    expect(capabilities.encoders.has('libx264') && capabilities.encoders.has('aac')).toBe(true)
    expect(capabilities.filters.has('drawtext') && capabilities.filters.has('scale')).toBe(true)
    expect(capabilities.protocols.has('rtmp') && capabilities.protocols.has('pipe')).toBe(true)
  })

  test('a missing one is told with how to install it', async () => {
    await expect(findFfmpeg(host, { ffmpeg: '/no/ffmpeg' }, abort.signal)).rejects.toMatchObject({
      code: 'ffmpeg_missing',
      message: expect.stringMatching(/no program \/no\/ffmpeg; install it .*apt install ffmpeg/),
    })
  })

  test('an old one is told with its version, its place and what is needed', async () => {
    writeFileSync(path('old'), '#!/bin/sh\necho "ffmpeg version 4.2.7 Copyright (c)"\n')
    chmodSync(path('old'), 0o755)
    await expect(findFfmpeg(host, { ffmpeg: path('old') }, abort.signal)).rejects.toMatchObject({
      code: 'ffmpeg_too_old',
      message: `ffmpeg 4.2.7 found at ${path('old')}; Sluice needs 4.4 or newer`,
    })
  })
})

describe('recipe copy', () => {
  test.each(['a.ts', 'a.flv', 'a.mp4'])(
    '%s comes out frame by frame, in its own time',
    async (name) => {
      const file = await record(startSource(request(path(name))), 'out.ts')
      expect(await times(file, 'video')).toHaveLength(50)
      const from = (await ffprobe(path(name))).packets.filter(
        ({ codec_type }) => codec_type === 'audio',
      )
      expect(await times(file, 'audio')).toHaveLength(from.length)
      // The times of a transport stream are the source's own, to the tick.
      if (name === 'a.ts')
        expect(await times(file, 'video')).toEqual(await times(path(name), 'video'))
      expect(await decoderErrors(file)).toBe('')
    },
  )

  test('every audio frame has a PES packet of its own', async () => {
    const bytes = await allBytes(startSource(request(path('a.flv'))).stdout)
    let starts = 0
    for (let at = 0; at < bytes.length; at += 188) {
      const pid = bytes.readUInt16BE(at + 1) & 0x1fff
      if (pid === 0x101 && (bytes[at + 1]! & 0x40) !== 0) starts++
    }
    expect(starts).toBeGreaterThan(90)
  })

  test('a looped file goes on, paced by its reader', async () => {
    const running = startSource(request(path('a.mp4'), { loop: true }))
    const file = await record(running, 'loop.ts', 2_000_000)
    expect((await times(file, 'video')).length).toBeGreaterThan(150)
    expect((await running.ended).cause).toBe('stopped')
    expect(isAlive(running.pid!)).toBe(false)
  })

  test('tracks that are not wanted are left out', async () => {
    const file = await record(startSource(request(path('a.ts'), { audio: 'none' })), 'video.ts')
    expect((await ffprobe(file)).streams.map(({ codec_type }) => codec_type)).toEqual(['video'])
  })

  test('RTMP: the listener takes a publisher, and its end is told', async () => {
    const port = await freePort()
    const running = startSource(request(`rtmp-listen://127.0.0.1:${port}/live/key`))
    const url = `rtmp://127.0.0.1:${port}/live/key`
    const publish = `for n in 1 2 3 4 5 6 7 8 9 10; do ffmpeg -nostdin -loglevel quiet -i "$1" -c copy -f flv "$2" && exit; sleep 0.2; done`
    const publisher = spawn('sh', ['-c', publish, 'sh', path('a.flv'), url], { stdio: 'ignore' })
    const file = await record(running, 'rtmp.ts')
    publisher.kill()
    expect((await times(file, 'video')).length).toBeGreaterThan(40)
    expect((await running.ended).cause).not.toBe('stopped')
  })

  test('SRT: a listener is fed by a caller', async () => {
    const port = await freePort()
    const running = startSource(request(`srt://127.0.0.1:${port}?mode=listener&latency=200000`))
    const publish = `for n in 1 2 3 4 5; do ffmpeg -nostdin -loglevel quiet -re -i "$1" -c copy -f mpegts "$2" && exit; sleep 0.2; done`
    const publisher = spawn(
      'sh',
      ['-c', publish, 'sh', path('a.ts'), `srt://127.0.0.1:${port}?mode=caller&latency=200000`],
      { stdio: 'ignore' },
    )
    const file = await record(running, 'srt.ts', 50_000)
    publisher.kill()
    expect((await ffprobe(file)).streams.length).toBe(2)
  })
})

describe('recipe transcode', () => {
  test('standard definition becomes the target: size, shape, rate, codecs, exact closed GOPs', async () => {
    const recipe = { video: target.video!, audio: target.audio! }
    const file = await record(startSource(request(path('sd.ts'), { recipe })), 'hd.ts')
    const { streams, packets } = await ffprobe(file)
    expect(streams.find(({ codec_type }) => codec_type === 'video')).toMatchObject({
      codec_name: 'h264',
      width: 640,
      height: 360,
      sample_aspect_ratio: '1:1',
      pix_fmt: 'yuv420p',
      has_b_frames: 0,
      r_frame_rate: '25/1',
    })
    expect(streams.find(({ codec_type }) => codec_type === 'audio')).toMatchObject({
      codec_name: 'aac',
      sample_rate: '48000',
      channels: 2,
    })
    const video = packets.filter(({ codec_type }) => codec_type === 'video')
    const keys = video.flatMap(({ flags }, at) => (flags.startsWith('K') ? [at] : []))
    expect(keys).toEqual([0, 25])
    // Source time is kept.
    expect(
      Math.abs(video[0]!.pts - Math.min(...(await times(path('sd.ts'), 'video')))),
    ).toBeLessThan(9_000)
    expect(await decoderErrors(file)).toBe('')
  })

  test.each([
    ['hevc', 'main', 'eac3'],
    ['mpeg2video', 'main', 'mp2'],
    ['h264', 'baseline', 'ac3'],
    ['h264', 'main', 'mp3'],
  ] as const)('to %s %s with %s', async (videoCodec, profile, audioCodec) => {
    const video = { ...target.video!, format: { ...videoFormat, codec: videoCodec, profile } }
    const audio = { format: { ...audioFormat, codec: audioCodec, profile: '' } }
    const file = await record(
      startSource(request(path('a.mp4'), { recipe: { video, audio } })),
      'x.ts',
    )
    expect((await ffprobe(file)).streams.map(({ codec_name }) => codec_name)).toEqual([
      videoCodec,
      audioCodec,
    ])
    expect(await decoderErrors(file)).toBe('')
  })
})

describe('generated sources', () => {
  test.each([
    ['test:?size=320x180&bframes=2&gop=20', 2],
    ['bars:?size=320x180', 2],
    ['color:red?size=320x180', 2],
    ["text:It's%20a%20%22test%22:%20100%25;%20[a,b]%5C?size=320x180&tone=300", 2],
    ['lavfi:testsrc2=size=320x180:rate=25', 1],
    ['test:?vcodec=none&acodec=mp2', 1],
  ])('%s plays', async (url, tracks) => {
    const running = startSource(request(url))
    const file = await record(running, 'generated.ts', 60_000)
    expect(running.lines.filter(({ level }) => level === 'error')).toEqual([])
    expect((await ffprobe(file)).streams).toHaveLength(tracks)
    const dts = await times(file, 'video')
    expect(dts.every((value, at) => at === 0 || value > dts[at - 1]!)).toBe(true)
  })

  test('an image is a live source with silence', async () => {
    ffmpeg('-f', 'lavfi', '-i', 'testsrc=size=100x200', '-frames:v', '1', path('p %d.png'))
    const { video } = target
    const encoded = { ...target, video: { ...video!, bitrate: 300_000 } }
    const running = startSource(request(`image:${path('p 1.png')}`, { encoded }))
    const file = await record(running, 'image.ts', 40_000)
    expect(
      (await ffprobe(file)).streams.map(({ width, codec_name }) => width ?? codec_name),
    ).toEqual([640, 'aac'])
  })
})

describe('conforming transcoder', () => {
  test('takes a stream on stdin, gives the target format in source time', async () => {
    const running = start(conformArguments({ target, transcode: { video: true, audio: true } }), {
      stdin: 'pipe',
    })
    running.stdin.write(readFileSync(path('sd.ts')))
    running.stdin.end()
    const file = await record(running, 'conformed.ts')
    expect((await ffprobe(file)).streams).toMatchObject([
      { codec_name: 'h264', width: 640, height: 360 },
      { codec_name: 'aac', sample_rate: '48000', channels: 2 },
    ])
    const begin = Math.min(...(await times(path('sd.ts'), 'video')))
    expect(Math.abs((await times(file, 'video'))[0]! - begin)).toBeLessThan(9_000)
    expect((await times(file, 'video')).length).toBeGreaterThanOrEqual(49)
    expect((await running.ended).cause).toBe('ended')
  })

  test('gives its first picture while its input still runs', async () => {
    const bytes = readFileSync(path('sd.ts'))
    const running = start(conformArguments({ target, transcode: { video: true, audio: true } }), {
      stdin: 'pipe',
    })
    // Three quarters of two seconds, and no end of input.
    running.stdin.write(bytes.subarray(0, 188 * Math.floor((bytes.length * 0.75) / 188)))
    const file = await record(running, 'first.ts', 5_000)
    expect((await ffprobe(file)).streams.length).toBe(2)
  })
})

const NASTY = "It's 50%% off: [a];b,c\\d\\n %{pts} ünïcödé 'q' \"r\" =|@#"

describe('slate', () => {
  test.each([
    ['h264', 'high', 'aac'],
    ['hevc', 'main', 'ac3'],
    ['mpeg2video', 'main', 'mp2'],
  ] as const)(
    '%s %s with %s: one closed GOP, and silence beyond it',
    async (codec, profile, audioCodec) => {
      const slate = {
        target: {
          video: { ...target.video!, format: { ...videoFormat, codec, profile } },
          audio: { format: { ...audioFormat, codec: audioCodec } },
        },
        message: `${NASTY}\nsecond line`,
        background: '0x14202c',
      }
      const running = start(slateArguments(slate))
      const file = await record(running, 'slate.ts')
      expect(running.lines.filter(({ level }) => level === 'error')).toEqual([])
      const { streams, packets } = await ffprobe(file)
      const video = packets.filter(({ codec_type }) => codec_type === 'video')
      expect(video).toHaveLength(slateFrames(slate))
      expect(slateFrames(slate)).toBe(50)
      expect(video.flatMap(({ flags }, at) => (flags.startsWith('K') ? [at] : []))).toEqual([0])
      expect(
        video.every(({ pts, dts }, at) => pts - dts === video[0]!.pts - video[0]!.dts || at === 0),
      ).toBe(true)
      expect(streams.map(({ codec_name }) => codec_name)).toEqual([codec, audioCodec])
      const sound = await times(file, 'audio')
      const seconds = (Math.max(...sound) - Math.min(...sound)) / 90_000
      expect(seconds).toBeGreaterThan(2.2)
      expect(await decoderErrors(file)).toBe('')
    },
  )

  test('a picture file stands in for the message', async () => {
    ffmpeg('-f', 'lavfi', '-i', 'testsrc=size=300x200', '-frames:v', '1', path('slate.png'))
    const slate = { target, message: '', background: 'black', image: path('slate.png') }
    const file = await record(start(slateArguments(slate)), 'slate.ts')
    expect(await times(file, 'video')).toHaveLength(50)
  })

  test('an escaped text is drawn as the same text from a file', () => {
    writeFileSync(path('text.txt'), NASTY)
    const draw = (text: string, name: string): Buffer => {
      const graph = `color=c=black:size=1280x80:rate=1,drawtext=${text}:expansion=none:fontcolor=white:fontsize=30`
      ffmpeg('-f', 'lavfi', '-i', graph, '-frames:v', '1', '-f', 'rawvideo', path(name))
      return readFileSync(path(name))
    }
    const escaped = draw(`text=${escapeFilterValue(NASTY)}`, 'escaped.raw')
    expect(
      escaped.equals(draw(`textfile=${escapeFilterValue(path('text.txt'))}`, 'file.raw')),
    ).toBe(true)
    expect(escaped.equals(draw('text=other', 'other.raw'))).toBe(false)
  })
})

describe('probe', () => {
  const ask = (url: string, timeoutMs = 10_000) =>
    probe({ host, ffmpeg: capabilities }, { url, inputOptions: {}, timeoutMs }, abort.signal)

  test('tells the tracks, and that they can be copied', async () => {
    const result = await ask(path('a.ts'))
    expect(result).toMatchObject({
      ok: true,
      format: 'mpegts',
      tracks: [
        { kind: 'video', codec: 'h264', width: 320, height: 180, frameRate: { num: 25, den: 1 } },
        { kind: 'audio', codec: 'aac', sampleRate: 48_000 },
      ],
    })
    expect(result).not.toHaveProperty('problem')
  })

  test('names the codec that MPEG-TS cannot carry', async () => {
    expect(await ask(path('opus.mkv'))).toMatchObject({
      problem: "codec opus can't be carried in MPEG-TS; use recipe transcode",
    })
  })

  test.each([
    ['missing.ts', 'no_such_file', /^no such file/],
    ['not-media.ts', 'not_media', /^not media/],
  ])('%s: %s', async (name, why, sentence) => {
    expect(await ask(path(name))).toMatchObject({
      ok: false,
      why,
      sentence: expect.stringMatching(sentence),
    })
  })

  test('answers within its time where nothing does, without the secret', async () => {
    const port = await freePort()
    const refused = await ask(`http://u:hunter22@127.0.0.1:${port}/x?token=s3cret`)
    expect(refused).toMatchObject({ ok: false, why: 'connection_refused' })
    expect(JSON.stringify(refused)).not.toMatch(/hunter22|s3cret/)
    expect(await ask(`rtmp-listen://127.0.0.1:${port}/a/b`, 500)).toMatchObject({
      why: 'timed_out',
    })
  })
})

describe('what ffmpeg says', () => {
  test.each([
    ['rtmp', 'rtmp://127.0.0.1:PORT/app/very-secret-key', /very-secret-key/],
    [
      'srt',
      'srt://127.0.0.1:PORT?passphrase=very-secret-word&connect_timeout=300',
      /very-secret-word/,
    ],
    [
      'http',
      'http://user:very-secret-pass@127.0.0.1:PORT/x?token=very-secret-token',
      /very-secret/,
    ],
  ])('%s: no secret is in any line or in the reason', async (_, template, secret) => {
    const url = template.replace('PORT', String(await freePort()))
    const running = startSource(request(url))
    const end = await running.ended
    expect(end.cause).toMatch(/connection_refused|timed_out|connection_lost/)
    expect(running.lines.length).toBeGreaterThan(0)
    expect(JSON.stringify([running.lines, end])).not.toMatch(secret)
  })

  test('a damaged transport stream is counted; continuity is said to be not measurable', async () => {
    const bytes = readFileSync(path('a.ts'))
    const cut = 188 * 100
    writeFileSync(
      path('damaged.ts'),
      Buffer.concat([bytes.subarray(0, cut), bytes.subarray(cut + 188 * 3)]),
    )
    const running = startSource(request(path('damaged.ts')))
    await allBytes(running.stdout)
    await running.ended
    expect(running.counts.figures({ reportsLoss: false })).toMatchObject({
      continuityErrors: 'not measurable',
      packetsLost: 'not measurable',
    })
    expect(running.counts.countOf('corrupt_packet')).toBeGreaterThan(0)
  })

  test('a file that is missing ends with that reason', async () => {
    const end = await startSource(request(path('missing.ts'))).ended
    expect(end).toMatchObject({
      cause: 'no_such_file',
      facts: { cause: { kind: 'exited', code: 1 } },
    })
  })
})
