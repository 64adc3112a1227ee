import { spawn } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import type { AudioFormat, VideoFormat } from '../../src/contract/format.ts'
import { SlateSpec } from '../../src/contract/spec.ts'
import type { TargetFormat } from '../../src/ffmpeg/target-format.ts'
import { SlateRenderer } from '../../src/media/slate/slate-renderer.ts'
import { TsDemuxer } from '../../src/mpegts/demuxer.ts'
import { CollectingSink } from '../helpers/collecting-sink.ts'
import { testHost } from '../helpers/process-host.ts'
import { encodeTs } from '../helpers/stream-builder.ts'

const test0 = testHost()
afterAll(() => test0.close())
const renderer = new SlateRenderer({ host: test0.host, ffmpeg: 'ffmpeg' })
const never = new AbortController().signal
const spec = SlateSpec.parse({})

const picture = (change: Partial<VideoFormat> = {}): NonNullable<TargetFormat['video']> => ({
  format: {
    codec: 'h264',
    profile: 'high',
    chroma: '4:2:0',
    depth: 8,
    width: 640,
    height: 360,
    frameRate: { num: 25, den: 1 },
    scan: 'progressive',
    ...change,
  },
  gopSeconds: 2,
  preset: 'veryfast',
})
const sound = (change: Partial<AudioFormat> = {}): NonNullable<TargetFormat['audio']> => ({
  format: {
    codec: 'aac',
    profile: 'lc',
    sampleRate: 48_000,
    channels: 2,
    frameSamples: 1024,
    ...change,
  },
})

interface Decoded {
  readonly samples: Int16Array
  readonly complaints: string
}

/** Decodes with ffmpeg, every complaint kept. */
const decode = async (bytes: Uint8Array, args: readonly string[]): Promise<Decoded> => {
  const child = spawn('ffmpeg', ['-v', 'warning', '-nostdin', ...args], {
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  const out: Buffer[] = []
  const said: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk))
  child.stderr.on('data', (chunk: Buffer) => said.push(chunk))
  child.stdin.on('error', () => {})
  child.stdin.end(bytes)
  await new Promise((closed) => child.on('close', closed))
  const pcm = Buffer.concat(out)
  const samples = new Int16Array(pcm.buffer, pcm.byteOffset, pcm.byteLength >> 1)
  return { samples, complaints: Buffer.concat(said).toString() }
}

const rms = (samples: Int16Array): number =>
  Math.sqrt(samples.reduce((sum, s) => sum + s * s, 0) / samples.length)

describe('a slate', () => {
  test.each<[string, Partial<VideoFormat>, number]>([
    ['H.264 720p25', { width: 1280, height: 720 }, 50],
    ['H.264 main at 30000/1001', { profile: 'main', frameRate: { num: 30_000, den: 1001 } }, 60],
    ['H.264 baseline', { profile: 'baseline' }, 50],
    ['interlaced H.264', { width: 720, height: 576, scan: 'interlaced' }, 50],
    ['HEVC', { codec: 'hevc', profile: 'main' }, 50],
    ['MPEG-2', { codec: 'mpeg2video', profile: 'main', width: 720, height: 576 }, 50],
  ])('in %s is one closed group in exactly that format', async (_, change, count) => {
    const target = picture(change)
    const { video, videoTicks, videoFormat, silence } = await renderer.renderSlate(
      { video: target },
      spec,
      never,
    )
    expect(silence).toBeUndefined()
    expect(videoFormat).toMatchObject(target.format)
    expect(video).toHaveLength(count)
    expect(video.map(({ rap }) => rap !== 'none')).toEqual(video.map((__, n) => n === 0))
    const { num, den } = target.format.frameRate!
    expect(videoTicks).toBeCloseTo((count * 90_000 * den) / num, 6)
    expect(video.every(({ pts, dts }, n) => pts === dts && pts === (n * videoTicks) / count)).toBe(
      true,
    )
  })

  test.each<['h264' | 'hevc' | 'mpegvideo', Partial<VideoFormat>]>([
    ['h264', {}],
    ['h264', { scan: 'interlaced', height: 576, width: 720 }],
    ['hevc', { codec: 'hevc', profile: 'main' }],
    ['mpegvideo', { codec: 'mpeg2video', profile: 'main' }],
  ])('loops in %s without a decoder error (%o)', async (demuxer, change) => {
    const { video } = await renderer.renderSlate({ video: picture(change) }, spec, never)
    const loop = Buffer.concat(video.map(({ data }) => data))
    const args = [
      '-f',
      demuxer,
      '-i',
      'pipe:0',
      '-f',
      'rawvideo',
      '-s',
      '16x16',
      '-pix_fmt',
      'gray',
      '-',
    ]
    const { complaints, samples } = await decode(Buffer.concat([loop, loop, loop]), args)
    expect(complaints.replaceAll(/.*(?:bitrate|deprecated).*\n/g, '')).toBe('')
    expect((samples.length * 2) / 256).toBe(3 * video.length)
  })

  test.each<[string, Partial<AudioFormat>]>([
    ['AAC stereo', {}],
    ['AAC mono 44.1 kHz', { sampleRate: 44_100, channels: 1 }],
    ['AAC 5.1', { channels: 6 }],
    ['MP2', { codec: 'mp2', profile: '', frameSamples: 1152 }],
    ['MP2 44.1 kHz', { codec: 'mp2', profile: '', frameSamples: 1152, sampleRate: 44_100 }],
    ['MP3', { codec: 'mp3', profile: '', frameSamples: 1152 }],
    ['AC-3', { codec: 'ac3', profile: '', frameSamples: 1536 }],
    ['E-AC-3', { codec: 'eac3', profile: '', frameSamples: 1536 }],
  ])('has silence in %s that decodes to nothing, alone and for long', async (_, change) => {
    const target = sound(change)
    const { video, silence } = await renderer.renderSlate({ audio: target }, spec, never)
    expect(video).toHaveLength(0)
    expect(silence?.format).toMatchObject(target.format)
    const { frameTicks, frames, format } = silence!
    expect(frameTicks).toBeCloseTo((format.frameSamples * 90_000) / format.sampleRate, 9)
    const bytes = Buffer.concat(Array.from({ length: 20 }, (__, n) => frames[n % frames.length]!))
    const { samples, complaints } = await decode(bytes, ['-i', 'pipe:0', '-f', 's16le', '-'])
    expect(complaints.replaceAll(/.*(?:Estimating duration|may be inaccurate).*\n/g, '')).toBe('')
    expect(samples.length / format.channels).toBeGreaterThanOrEqual(18 * format.frameSamples)
    expect(samples.every((sample) => Math.abs(sample) <= 2)).toBe(true)
  })

  test('silence between real AAC frames decodes without an error or a click', async () => {
    const { silence } = await renderer.renderSlate({ audio: sound() }, spec, never)
    const feed = new CollectingSink()
    const demuxer = new TsDemuxer(feed)
    demuxer.push(await encodeTs({ seconds: 2, tone: 440 }))
    demuxer.flush()
    const real = feed.unitsOf('audio').map(({ data }) => data)
    const quiet = Array.from({ length: 20 }, () => silence!.frames[0]!)
    const bytes = Buffer.concat([...real.slice(10, 40), ...quiet, ...real.slice(40, 70)])
    const { samples, complaints } = await decode(bytes, [
      ...['-f', 'aac', '-i', 'pipe:0', '-ac', '1', '-f', 's16le', '-'],
    ])
    expect(complaints.replaceAll(/.*Estimating duration.*\n/g, '')).toBe('')
    const frame = (n: number) => samples.subarray(n * 1024, (n + 1) * 1024)
    const loudest = Math.max(...samples.map(Math.abs))
    // Frame 30 fades the tone out, frame 50 fades it in: what lies between is silent.
    for (let n = 32; n < 49; n++) expect(rms(frame(n))).toBeLessThan(2)
    expect(rms(frame(20))).toBeGreaterThan(1_000)
    expect(rms(frame(60))).toBeGreaterThan(1_000)
    const step = Math.max(...samples.subarray(1).map((s, n) => Math.abs(s - samples[n]!)))
    const toneStep = Math.max(
      ...frame(20)
        .subarray(1)
        .map((s, n) => Math.abs(s - frame(20)[n]!)),
    )
    expect(step).toBeLessThan(toneStep * 1.5)
    expect(loudest).toBeLessThan(32_000)
  })

  test('shows a picture of the user, and says when there is none', async () => {
    const image = join(test0.folder, 'card.ppm')
    await writeFile(
      image,
      Buffer.concat([Buffer.from('P6 64 32 255\n'), Buffer.alloc(64 * 32 * 3, 200)]),
    )
    const made = await renderer.renderSlate({ video: picture() }, { ...spec, image }, never)
    expect(made.video).toHaveLength(50)
    await expect(
      renderer.renderSlate({ video: picture() }, { ...spec, image: `${image}.gone` }, never),
    ).rejects.toThrow('slate.image')
  })

  test('is rendered once for each format and message', async () => {
    const target: TargetFormat = { video: picture(), audio: sound() }
    const first = await renderer.renderSlate(target, spec, never)
    expect(await renderer.renderSlate(target, spec, never)).toBe(first)
    expect(await renderer.renderSlate(target, { ...spec, message: 'Soon' }, never)).not.toBe(first)
  })

  test('that FFmpeg cannot render is a clear error', async () => {
    const odd: TargetFormat = { video: { ...picture(), preset: 'hasty' } }
    await expect(renderer.renderSlate(odd, spec, never)).rejects.toThrow(
      /slate can't be rendered: .*preset.*hasty/,
    )
    const missing = new SlateRenderer({ host: test0.host, ffmpeg: 'ffmpeg-that-is-not-there' })
    await expect(missing.renderSlate({ audio: sound() }, spec, never)).rejects.toMatchObject({
      code: 'ffmpeg_missing',
    })
  })
})
